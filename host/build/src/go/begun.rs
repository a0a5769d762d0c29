//! Starts the program while it is built: Go's runtime and the packages' variables take twenty times as long as a decision,
//! and come to the same each time. What of memory and globals they leave goes into the module in place of `_initialize`.
//!
//! A program that asks its host for something on the way, or never ends, is left as it is and starts with each decision.

use std::fmt::Display;

use wasm_encoder::{
    ConstExpr, DataSection, ExportKind, ExportSection, GlobalSection, GlobalType, MemorySection, MemoryType,
    Module as Encoder, RawSection, SectionId, ValType,
};
use wasmi::{Caller, Config, Engine, Error, ExternType, Instance, Linker, Module, Store, Val};
use wasmparser::{DataKind, ExternalKind, Parser, Payload};

use super::PREVIEW;

const START: &str = "_initialize";
const MEMORY: &str = "memory";
/// Steps of a start; Go's own takes less than a million.
const FUEL: u64 = 200_000_000;
/// Where the adapter's clock begins, in nanoseconds: what a start has seen of it must lie before.
const LATEST: u64 = 1_000_000_000;
/// Zeros that are worth a new segment, and the most segments that there may be.
const GAP: usize = 32;
const MAX_SEGMENTS: usize = 50_000;

/// The module as it is after its start; the error says why it can't be had.
pub(super) fn begun(module: &[u8]) -> Result<Vec<u8>, String> {
    let shape = Shape::of(module).map_err(|error| error.to_string())??;
    let (mut store, instance) = started(&shape.opened(module)?).map_err(|error| error.to_string())?;
    if store.data().ticks >= LATEST {
        return Err("its start asks the clock all the time".to_owned());
    }
    let memory = instance.get_memory(&store, MEMORY).ok_or("it has no memory")?;
    let mut globals = GlobalSection::new();
    for n in 0..shape.globals {
        let global = instance.get_global(&store, &name(n)).ok_or("a global is gone")?;
        let (value, val_type) = match global.get(&store) {
            Val::I32(value) => (ConstExpr::i32_const(value), ValType::I32),
            Val::I64(value) => (ConstExpr::i64_const(value), ValType::I64),
            other => return Err(format!("a global is {other:?}")),
        };
        let mutable = global.ty(&store).mutability().is_mut();
        let ty = GlobalType {
            val_type,
            mutable,
            shared: false,
        };
        globals.global(ty, &value);
    }
    let pages = memory.size(&store);
    shape.closed(module, pages, &globals, &data(memory.data(&mut store)))
}

/// What there is in a module, and whether it can be started here.
struct Shape {
    globals: u32,
    /// The most pages that its memory may have.
    maximum: Option<u64>,
}

impl Shape {
    fn of(module: &[u8]) -> wasmparser::Result<Result<Self, &'static str>> {
        let mut shape = Self {
            globals: 0,
            maximum: None,
        };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::GlobalSection(section) => shape.globals = section.count(),
                Payload::MemorySection(section) => {
                    for memory in section {
                        shape.maximum = memory?.maximum;
                    }
                }
                Payload::StartSection { .. } => return Ok(Err("it has a start of its own")),
                Payload::DataSection(section) => {
                    for segment in section {
                        if !matches!(segment?.kind, DataKind::Active { memory_index: 0, .. }) {
                            return Ok(Err("it has data that is put into place later"));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(Ok(shape))
    }

    /// The module with its globals to be looked at.
    fn opened(&self, module: &[u8]) -> Result<Vec<u8>, String> {
        rewritten(module, |id, exports| match id {
            SectionId::Export => {
                for n in 0..self.globals {
                    exports.export(&name(n), ExportKind::Global, n);
                }
                Some(Part::Exports)
            }
            _ => None,
        })
    }

    /// The module with what its start has left, and without the start.
    fn closed(
        &self,
        module: &[u8],
        pages: u64,
        globals: &GlobalSection,
        data: &DataSection,
    ) -> Result<Vec<u8>, String> {
        let mut memory = MemorySection::new();
        memory.memory(MemoryType {
            minimum: pages,
            maximum: self.maximum,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        rewritten(module, |id, _| match id {
            SectionId::Export => Some(Part::ExportsWithoutStart),
            SectionId::Memory => Some(Part::Memory(memory.clone())),
            SectionId::Global => Some(Part::Globals(globals.clone())),
            SectionId::Data => Some(Part::Data(data.clone())),
            SectionId::DataCount => Some(Part::None),
            _ => None,
        })
    }
}

fn name(global: u32) -> String {
    format!("jackfield:global {global}")
}

/// What stands in the place of a section.
enum Part {
    None,
    Exports,
    ExportsWithoutStart,
    Memory(MemorySection),
    Globals(GlobalSection),
    Data(DataSection),
}

/// A module with some sections replaced; `part` may add to the exports.
fn rewritten(
    module: &[u8],
    part: impl Fn(SectionId, &mut ExportSection) -> Option<Part>,
) -> Result<Vec<u8>, String> {
    let said = |error: &dyn Display| error.to_string();
    let mut encoder = Encoder::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|error| said(&error))?;
        let Some((id, range)) = payload.as_section() else {
            continue;
        };
        let known = [
            SectionId::Export,
            SectionId::Memory,
            SectionId::Global,
            SectionId::Data,
            SectionId::DataCount,
        ];
        let known = known.into_iter().find(|known| *known as u8 == id);
        let mut exports = ExportSection::new();
        let part = known.and_then(|known| part(known, &mut exports));
        match part {
            None => {
                let (begin, end) = (range.start as usize, range.end as usize);
                let data = module.get(begin..end).ok_or("a section lies outside")?;
                encoder.section(&RawSection { id, data });
            }
            Some(Part::None) => {}
            Some(Part::Memory(section)) => {
                encoder.section(&section);
            }
            Some(Part::Globals(section)) => {
                encoder.section(&section);
            }
            Some(Part::Data(section)) => {
                encoder.section(&section);
            }
            Some(kept @ (Part::Exports | Part::ExportsWithoutStart)) => {
                if let Payload::ExportSection(section) = payload {
                    for export in section {
                        let export = export.map_err(|error| said(&error))?;
                        let kind = match export.kind {
                            ExternalKind::Func => ExportKind::Func,
                            ExternalKind::Memory => ExportKind::Memory,
                            ExternalKind::Global => ExportKind::Global,
                            ExternalKind::Table => ExportKind::Table,
                            _ => return Err(format!("it exports {} of another kind", export.name)),
                        };
                        if matches!(kept, Part::Exports) || export.name != START {
                            exports.export(export.name, kind, export.index);
                        }
                    }
                }
                encoder.section(&exports);
            }
        }
    }
    Ok(encoder.finish())
}

/// What there is beside zeros.
fn data(memory: &[u8]) -> DataSection {
    let mut gap = GAP;
    loop {
        let runs = runs(memory, gap);
        if runs.len() <= MAX_SEGMENTS {
            let mut section = DataSection::new();
            for (begin, end) in runs {
                let offset = ConstExpr::i32_const(begin as u32 as i32);
                section.active(0, &offset, memory[begin..end].iter().copied());
            }
            return section;
        }
        gap *= 2;
    }
}

/// Stretches without `gap` zeros in them: begin and end.
fn runs(memory: &[u8], gap: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in memory.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match runs.last_mut() {
            Some((_, end)) if at - *end < gap => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

/// The system of a start, which answers as `sdk/go/adapter.wat` does.
#[derive(Default)]
struct System {
    ticks: u64,
    chance: u64,
}

type Answer = Result<(), Error>;

fn started(module: &[u8]) -> Result<(Store<System>, Instance), Error> {
    let mut config = Config::default();
    config.consume_fuel(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, module)?;
    let system = System {
        ticks: 0,
        chance: 0x9e37_79b9_7f4a_7c15,
    };
    let mut store = Store::new(&engine, system);
    store.set_fuel(FUEL)?;
    let mut linker = Linker::new(&engine);
    // A program may import a function twice.
    linker.allow_shadowing(true);
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            return Err(Error::new("it imports something else than functions"));
        };
        let (from, function) = (import.module().to_owned(), import.name().to_owned());
        let answer = move |caller: Caller<'_, System>, given: &[Val], result: &mut [Val]| -> Answer {
            let code = if from == PREVIEW {
                answer(caller, &function, given)?
            } else {
                None
            };
            let code = code.ok_or_else(|| Error::new(format!("its start calls {function} of {from}")))?;
            if let Some(result) = result.first_mut() {
                *result = Val::I32(code);
            }
            Ok(())
        };
        linker.func_new(import.module(), import.name(), ty.clone(), answer)?;
    }
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let start = instance.get_typed_func::<(), ()>(&store, START)?;
    start.call(&mut store, ())?;
    Ok((store, instance))
}

/// The code that a function of WASI answers with; none for one that a start must not call.
fn answer(mut caller: Caller<'_, System>, function: &str, given: &[Val]) -> Result<Option<i32>, Error> {
    let number = |n: usize| match given.get(n) {
        Some(Val::I32(value)) => *value as u32 as usize,
        _ => 0,
    };
    match function {
        "clock_time_get" => {
            let time = if number(0) == 0 {
                0
            } else {
                let ticks = &mut caller.data_mut().ticks;
                *ticks += 1_000;
                *ticks
            };
            put(&mut caller, number(2), &time.to_le_bytes())?;
        }
        "random_get" => {
            let bytes: Vec<u8> = (0..number(1))
                .map(|_| next(&mut caller.data_mut().chance))
                .collect();
            put(&mut caller, number(0), &bytes)?;
        }
        "args_sizes_get" | "environ_sizes_get" => {
            put(&mut caller, number(0), &[0; 4])?;
            put(&mut caller, number(1), &[0; 4])?;
        }
        "args_get" | "environ_get" | "sched_yield" => {}
        "poll_oneoff" | "clock_res_get" => return Ok(Some(52)),
        // It has come to its end, or has something to say.
        "proc_exit" | "fd_write" | "jackfield_begin" => return Ok(None),
        _ => return Ok(Some(8)),
    }
    Ok(Some(0))
}

/// SplitMix64.
fn next(chance: &mut u64) -> u8 {
    *chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *chance;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 32) as u8
}

fn put(caller: &mut Caller<'_, System>, at: usize, bytes: &[u8]) -> Answer {
    let memory = caller.get_export(MEMORY).and_then(|export| export.into_memory());
    let memory = memory.ok_or_else(|| Error::new("it has no memory"))?;
    memory
        .write(caller, at, bytes)
        .map_err(|error| Error::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(wat: &str) -> Result<Vec<u8>, String> {
        begun(&wat::parse_str(wat).unwrap())
    }

    #[test]
    fn what_a_start_leaves_is_there_from_the_beginning() {
        let module = begin(
            r#"(module
                (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
                (memory (export "memory") 1)
                (global $n (mut i32) (i32.const 1))
                (global $wide (mut i64) (i64.const 0))
                (data (i32.const 8) "before")
                (func (export "_initialize")
                    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 100)))
                    (drop (memory.grow (i32.const 1)))
                    (i32.store8 (i32.const 70000) (i32.const 7))
                    (global.set $n (i32.const 2))
                    (global.set $wide (i64.const -5)))
                (func (export "n") (result i32) (global.get $n)))"#,
        )
        .unwrap();
        let text = format!("{:?}", Shape::of(&module).unwrap().map(|shape| shape.globals));
        assert_eq!(text, "Ok(2)");
        let engine = Engine::default();
        let compiled = Module::new(&engine, &module).unwrap();
        let names: Vec<_> = compiled
            .exports()
            .map(|export| export.name().to_owned())
            .collect();
        assert_eq!(names, ["memory", "n"]);
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap(
                "wasi_snapshot_preview1",
                "clock_time_get",
                |_: i32, _: i64, _: i32| 8_i32,
            )
            .unwrap();
        let instance = linker.instantiate_and_start(&mut store, &compiled).unwrap();
        let n = instance.get_typed_func::<(), i32>(&store, "n").unwrap();
        assert_eq!(n.call(&mut store, ()).unwrap(), 2);
        let memory = instance.get_memory(&store, "memory").unwrap();
        let bytes = memory.data(&store);
        assert_eq!(bytes.len(), 2 * 65_536);
        assert_eq!((&bytes[8..14], bytes[70_000]), (&b"before"[..], 7));
        assert_eq!(u64::from_le_bytes(bytes[100..108].try_into().unwrap()), 1_000);
    }

    #[test]
    fn a_start_that_asks_the_host_or_does_not_end_is_told() {
        let asks = r#"(module (import "cx:host/clock@0.1.0" "now" (func $now (result i64)))
            (memory (export "memory") 1) (func (export "_initialize") (drop (call $now))))"#;
        assert!(
            begin(asks)
                .unwrap_err()
                .contains("its start calls now of cx:host/clock")
        );
        let endless = r#"(module (memory (export "memory") 1) (func (export "_initialize") (loop (br 0))))"#;
        assert!(begin(endless).unwrap_err().contains("fuel"));
    }

    #[test]
    fn zeros_part_segments_where_there_are_enough() {
        let mut memory = vec![0; 200];
        for at in [3, 5, 40, 199] {
            memory[at] = 1;
        }
        assert_eq!(runs(&memory, 32), [(3, 6), (40, 41), (199, 200)]);
        assert_eq!(runs(&memory, 64), [(3, 41), (199, 200)]);
        assert!(runs(&[0; 9], 32).is_empty());
    }
}
