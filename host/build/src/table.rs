//! Gives the table of functions to the library whose functions are in it.
//!
//! componentize-qjs links QuickJS as a library: a small main module has the table, and QuickJS puts 700 functions into it
//! whenever an instance is made. An engine can lay a table out beforehand only where its module has both. So the library
//! gets the table, and who asked the main module for it is given the library's: a fresh decision costs a third less.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    Alias, CodeSection, Component, ComponentAliasSection, ConstExpr, ElementSection, ExportKind,
    ExportSection, ImportSection, InstanceSection, Module, ModuleArg, RawSection, SectionId, TableSection,
};
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentAliasSectionReader, ElementItems, ElementKind,
    ElementSectionReader, ExportSectionReader, ExternalKind, FunctionBody, Import, Imports, Instance,
    InstanceSectionReader, Operator, Parser, Payload, TableType, TypeRef, Validator,
};

/// Sections of a component, by their numbers in the binary format.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;
const COMPONENT: u8 = 4;
const ALIAS: u8 = 6;
const HEADER_BYTES: usize = 8;

/// The component with the table where its functions are; as it was when it has no such table, or is put together in
/// another way.
pub(crate) fn with_its_functions(component: Vec<u8>) -> Vec<u8> {
    match moved(&component) {
        Some(moved) if Validator::new().validate_all(&moved).is_ok() => moved,
        _ => component,
    }
}

fn moved(component: &[u8]) -> Option<Vec<u8>> {
    let sections = sections(component)?;
    // What encloses it is a component, too.
    for (at, (id, body)) in sections.iter().enumerate() {
        if *id == COMPONENT
            && let Some(moved) = moved(body)
        {
            let mut whole = Component::new();
            for (n, (id, body)) in sections.iter().enumerate() {
                let data = if n == at { &*moved } else { *body };
                whole.section(&RawSection { id: *id, data });
            }
            return Some(whole.finish());
        }
    }
    let linked = Linked::of(&sections)?;
    let plan = (0..linked.instances.len()).find_map(|instance| linked.plan(instance))?;
    linked.rewritten(&sections, &plan)
}

/// Number and body of each section of the outermost level.
fn sections(component: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut reader = BinaryReader::new(component.get(HEADER_BYTES..)?, 0);
    let mut sections = Vec::new();
    while !reader.eof() {
        let id = reader.read_u8().ok()?;
        let size = reader.read_var_u32().ok()?;
        sections.push((id, reader.read_bytes(size as usize).ok()?));
    }
    Some(sections)
}

/// How a component is put together.
struct Linked<'a> {
    modules: Vec<&'a [u8]>,
    instances: Vec<Instance<'a>>,
    /// Which instance's export each table and global is.
    tables: Vec<(u32, &'a str)>,
    globals: Vec<(u32, &'a str)>,
}

/// What is to be moved.
struct Plan<'a> {
    /// The instance of the library, and its module.
    instance: u32,
    module: u32,
    /// What the table is called, by whom it is owned, and what it is.
    name: &'a str,
    owner: u32,
    ty: TableType,
    /// Where its functions begin.
    offset: i32,
}

impl<'a> Linked<'a> {
    fn of(sections: &[(u8, &'a [u8])]) -> Option<Self> {
        let mut linked = Self {
            modules: Vec::new(),
            instances: Vec::new(),
            tables: Vec::new(),
            globals: Vec::new(),
        };
        for (id, body) in sections {
            let reader = BinaryReader::new(body, 0);
            match *id {
                CORE_MODULE => linked.modules.push(body),
                CORE_INSTANCE => {
                    for instance in InstanceSectionReader::new(reader).ok()? {
                        linked.instances.push(instance.ok()?);
                    }
                }
                ALIAS => {
                    for alias in ComponentAliasSectionReader::new(reader).ok()? {
                        let ComponentAlias::CoreInstanceExport {
                            kind,
                            instance_index,
                            name,
                        } = alias.ok()?
                        else {
                            continue;
                        };
                        match kind {
                            ExternalKind::Table => linked.tables.push((instance_index, name)),
                            ExternalKind::Global => linked.globals.push((instance_index, name)),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Some(linked)
    }

    fn module_of(&self, instance: u32) -> Option<(u32, &'a [u8])> {
        match self.instances.get(instance as usize)? {
            Instance::Instantiate { module_index, .. } => {
                Some((*module_index, self.modules.get(*module_index as usize)?))
            }
            Instance::FromExports(_) => None,
        }
    }

    /// What an import of an instance is: the instance that has it, and its name there.
    fn given(&self, instance: u32, import: &Import<'_>) -> Option<(u32, &'a str)> {
        let Instance::Instantiate { args, .. } = self.instances.get(instance as usize)? else {
            return None;
        };
        let arg = args.iter().find(|arg| arg.name == import.module)?;
        match self.instances.get(arg.index as usize)? {
            Instance::FromExports(exports) => {
                let export = exports.iter().find(|export| export.name == import.name)?;
                let place = export.index as usize;
                match export.kind {
                    ExternalKind::Table => self.tables.get(place).copied(),
                    ExternalKind::Global => self.globals.get(place).copied(),
                    _ => None,
                }
            }
            Instance::Instantiate { module_index, .. } => {
                let of = parts(self.modules.get(*module_index as usize)?)?;
                let export = of.exports.iter().find(|export| export.0 == import.name)?;
                Some((arg.index, export.0))
            }
        }
    }

    /// Whether this instance is a library that fills a table of another, and how that can be turned round.
    fn plan(&self, instance: usize) -> Option<Plan<'a>> {
        let instance = instance as u32;
        let (module, bytes) = self.module_of(instance)?;
        let library = parts(bytes)?;
        let import = only(library.imports.iter().filter(|import| is_table(import)))?;
        let filled = library.filled_from?;
        let (owner, name) = self.given(instance, import)?;
        let globals = library.imports.iter().filter(|import| is_global(import));
        let (main, global) = self.given(instance, globals.clone().nth(filled as usize)?)?;
        let offset = parts(self.module_of(main)?.1)?.constant(global)?;
        let owned = parts(self.module_of(owner)?.1)?;
        let alone = |of: &Instance<'_>| matches!(of, Instance::Instantiate { module_index, .. } if *module_index == module);
        let sound = owned.imports.iter().all(|import| !is_table(import))
            && !library.exports.iter().any(|export| export.0 == name)
            && self.instances.iter().filter(|of| alone(of)).count() == 1
            // Nobody had the table before.
            && (0..instance).all(|earlier| self.asks(earlier, owner, name).is_none());
        let ty = only(owned.tables.iter()).filter(|_| sound)?;
        Some(Plan {
            instance,
            module,
            name,
            owner,
            ty: *ty,
            offset,
        })
    }

    /// The import by which an instance gets a table.
    fn asks(&self, instance: u32, owner: u32, name: &str) -> Option<Import<'a>> {
        let imports = parts(self.module_of(instance)?.1)?.imports;
        imports
            .into_iter()
            .find(|import| is_table(import) && self.given(instance, import) == Some((owner, name)))
    }

    fn rewritten(&self, sections: &[(u8, &[u8])], plan: &Plan<'_>) -> Option<Vec<u8>> {
        let old = self
            .tables
            .iter()
            .position(|table| *table == (plan.owner, plan.name));
        let new = self.tables.len() as u32;
        let mut whole = Component::new();
        let (mut modules, mut instances, mut tables) = (0, 0, 0);
        for (id, body) in sections {
            match *id {
                CORE_MODULE => {
                    let module = self.module(modules, plan)?;
                    let data = module.as_deref().unwrap_or(body);
                    whole.section(&RawSection { id: *id, data });
                    modules += 1;
                }
                CORE_INSTANCE => {
                    let count = BinaryReader::new(body, 0).read_var_u32().ok()?;
                    for _ in 0..count {
                        let instance = self.instances.get(instances as usize)?;
                        let later = instances > plan.instance;
                        let table = |index: u32| {
                            if later && Some(index as usize) == old {
                                new
                            } else {
                                index
                            }
                        };
                        whole.section(&encoded(instance, table)?);
                        if instances == plan.instance {
                            // A table that is named later would have another place.
                            if tables != self.tables.len() {
                                return None;
                            }
                            let mut alias = ComponentAliasSection::new();
                            alias.alias(Alias::CoreInstanceExport {
                                instance: instances,
                                kind: ExportKind::Table,
                                name: plan.name,
                            });
                            whole.section(&alias);
                        }
                        instances += 1;
                    }
                }
                id => {
                    if id == ALIAS {
                        tables += tables_in(body)?;
                    }
                    whole.section(&RawSection { id, data: body });
                }
            }
        }
        Some(whole.finish())
    }

    /// A module as it is to be; `Some(None)`: as it was.
    fn module(&self, module: u32, plan: &Plan<'_>) -> Option<Option<Vec<u8>>> {
        let bytes = *self.modules.get(module as usize)?;
        if module == plan.module {
            return Some(Some(reencoded(bytes, &mut Owning(plan))?));
        }
        // Who has the main module itself as an argument asks the library in its place.
        for (at, instance) in self.instances.iter().enumerate() {
            let Instance::Instantiate { module_index, args } = instance else {
                continue;
            };
            let of = |index: u32| args.iter().find(|arg| arg.index == index).map(|arg| arg.name);
            if *module_index != module || of(plan.owner).is_none() {
                continue;
            }
            let Some(import) = self.asks(at as u32, plan.owner, plan.name) else {
                continue;
            };
            if of(plan.owner) == Some(import.module) {
                let mut asking = Asking {
                    import,
                    library: of(plan.instance)?,
                };
                return Some(Some(reencoded(bytes, &mut asking)?));
            }
        }
        Some(None)
    }
}

fn tables_in(aliases: &[u8]) -> Option<usize> {
    let mut tables = 0;
    for alias in ComponentAliasSectionReader::new(BinaryReader::new(aliases, 0)).ok()? {
        let kind = ExternalKind::Table;
        tables += usize::from(
            matches!(alias.ok()?, ComponentAlias::CoreInstanceExport { kind: of, .. } if of == kind),
        );
    }
    Some(tables)
}

fn encoded(instance: &Instance<'_>, table: impl Fn(u32) -> u32) -> Option<InstanceSection> {
    let mut section = InstanceSection::new();
    match instance {
        Instance::Instantiate { module_index, args } => {
            let args = args.iter().map(|arg| (arg.name, ModuleArg::Instance(arg.index)));
            section.instantiate(*module_index, args);
        }
        Instance::FromExports(exports) => {
            let items: Option<Vec<_>> = exports
                .iter()
                .map(|export| {
                    let (kind, index) = match export.kind {
                        ExternalKind::Func => (ExportKind::Func, export.index),
                        ExternalKind::Table => (ExportKind::Table, table(export.index)),
                        ExternalKind::Memory => (ExportKind::Memory, export.index),
                        ExternalKind::Global => (ExportKind::Global, export.index),
                        _ => return None,
                    };
                    Some((export.name, kind, index))
                })
                .collect();
            section.export_items(items?);
        }
    }
    Some(section)
}

/// What matters of a module.
#[derive(Default)]
struct Parts<'a> {
    imports: Vec<Import<'a>>,
    tables: Vec<TableType>,
    /// What each of its own globals is at first, where that is a number that stays.
    globals: Vec<Option<i32>>,
    exports: Vec<(&'a str, ExternalKind, u32)>,
    /// Of a module with one segment of functions, in the one table that it imports: the imported global that says where
    /// they begin.
    filled_from: Option<u32>,
}

impl Parts<'_> {
    /// The number that an exported global is for good.
    fn constant(&self, name: &str) -> Option<i32> {
        let export = self.exports.iter().find(|export| export.0 == name)?;
        let imported = self.imports.iter().filter(|import| is_global(import)).count();
        let own = (export.2 as usize).checked_sub(imported)?;
        *self
            .globals
            .get(own)
            .filter(|_| export.1 == ExternalKind::Global)?
    }
}

fn parts(module: &[u8]) -> Option<Parts<'_>> {
    let mut parts = Parts::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::ImportSection(section) => {
                parts.imports = section.into_imports().collect::<Result<_, _>>().ok()?;
            }
            Payload::TableSection(section) => {
                for table in section {
                    parts.tables.push(table.ok()?.ty);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global.ok()?;
                    let value = match global.init_expr.get_operators_reader().read().ok()? {
                        Operator::I32Const { value } if !global.ty.mutable => Some(value),
                        _ => None,
                    };
                    parts.globals.push(value);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    parts.exports.push((export.name, export.kind, export.index));
                }
            }
            Payload::ElementSection(section) => parts.filled_from = filled_from(section)?,
            _ => {}
        }
    }
    if !parts.tables.is_empty() {
        parts.filled_from = None;
    }
    Some(parts)
}

fn filled_from(section: ElementSectionReader<'_>) -> Option<Option<u32>> {
    if section.count() != 1 {
        return Some(None);
    }
    let element = section.into_iter().next()?.ok()?;
    let ElementKind::Active {
        table_index: None | Some(0),
        offset_expr,
    } = element.kind
    else {
        return Some(None);
    };
    let offset = offset_expr.get_operators_reader().read().ok()?;
    Some(match (element.items, offset) {
        (ElementItems::Functions(_), Operator::GlobalGet { global_index }) => Some(global_index),
        _ => None,
    })
}

fn is_table(import: &Import<'_>) -> bool {
    matches!(import.ty, TypeRef::Table(_))
}

fn is_global(import: &Import<'_>) -> bool {
    matches!(import.ty, TypeRef::Global(_))
}

fn only<T>(mut of: impl Iterator<Item = T>) -> Option<T> {
    of.next().filter(|_| of.next().is_none())
}

fn reencoded(module: &[u8], with: &mut impl Reencode) -> Option<Vec<u8>> {
    let mut encoder = Module::new();
    with.parse_core_module(&mut encoder, Parser::new(0), module)
        .ok()?;
    Some(encoder.finish())
}

type Done = Result<(), Error>;

/// Makes the library the owner of the table.
struct Owning<'a>(&'a Plan<'a>);

impl Reencode for Owning<'_> {
    type Error = std::convert::Infallible;

    fn parse_imports(&mut self, section: &mut ImportSection, imports: Imports<'_>) -> Done {
        match imports {
            Imports::Single(_, import) if is_table(&import) => Ok(()),
            imports => utils::parse_imports(self, section, imports),
        }
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        after: Option<SectionId>,
        _: Option<SectionId>,
    ) -> Done {
        if after == Some(SectionId::Function) {
            let mut tables = TableSection::new();
            tables.table(self.table_type(self.0.ty)?);
            module.section(&tables);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        section: &mut ExportSection,
        exports: ExportSectionReader<'_>,
    ) -> Done {
        utils::parse_export_section(self, section, exports)?;
        section.export(self.0.name, ExportKind::Table, 0);
        Ok(())
    }

    fn parse_element_section(
        &mut self,
        section: &mut ElementSection,
        elements: ElementSectionReader<'_>,
    ) -> Done {
        for element in elements {
            let functions = self.element_items(element?.items)?;
            section.active(None, &ConstExpr::i32_const(self.0.offset), functions);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, function: FunctionBody<'_>) -> Done {
        code.raw(function.as_bytes());
        Ok(())
    }
}

/// Has a module ask the library for the table.
struct Asking<'a> {
    import: Import<'a>,
    library: &'a str,
}

impl Reencode for Asking<'_> {
    type Error = std::convert::Infallible;

    fn parse_imports(&mut self, section: &mut ImportSection, imports: Imports<'_>) -> Done {
        match imports {
            Imports::Single(_, import) if import == self.import => {
                section.import(self.library, import.name, self.entity_type(import.ty)?);
                Ok(())
            }
            imports => utils::parse_imports(self, section, imports),
        }
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, function: FunctionBody<'_>) -> Done {
        code.raw(function.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKED: &str = r#"(component (component
        (core module $main
            (table (export "table") 4 funcref)
            (global (export "base") i32 (i32.const 1)))
        (core module $library
            (import "env" "base" (global $base i32))
            (import "env" "table" (table 3 funcref))
            (type $number (func (result i32)))
            (func $one (result i32) (i32.const 1))
            (func $two (result i32) (i32.const 2))
            (func (export "call") (param i32) (result i32) (call_indirect (type $number) (local.get 0)))
            (elem (global.get $base) func $one $two))
        (core module $fixup
            (import "main" "table" (table 3 funcref))
            (import "library" "call" (func $call (param i32) (result i32)))
            (func $three (result i32) (i32.const 3))
            (elem (i32.const 3) func $three))
        (core instance $m (instantiate $main))
        (alias core export $m "base" (core global $base))
        (alias core export $m "table" (core table $table))
        (core instance $env (export "base" (global $base)) (export "table" (table $table)))
        (core instance $l (instantiate $library (with "env" (instance $env))))
        (core instance $again (export "base" (global $base)) (export "table" (table $table)))
        (core instance $f (instantiate $fixup (with "main" (instance $m)) (with "library" (instance $l))))
    ))"#;

    fn printed(component: &[u8]) -> String {
        let mut text = String::new();
        for payload in Parser::new(0).parse_all(component) {
            match payload.unwrap() {
                Payload::TableSection(section) => text += &format!("{} own table\n", section.count()),
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.unwrap();
                        text += &format!("imports {} of {}\n", import.name, import.module);
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        let ElementKind::Active { offset_expr, .. } = element.unwrap().kind else {
                            continue;
                        };
                        let offset = offset_expr.get_operators_reader().read().unwrap();
                        text += &format!("filled from {offset:?}\n");
                    }
                }
                Payload::InstanceSection(section) => {
                    for instance in section {
                        if let Instance::FromExports(exports) = instance.unwrap() {
                            let table = exports.iter().find(|export| export.kind == ExternalKind::Table);
                            text += &format!("hands on table {}\n", table.unwrap().index);
                        }
                    }
                }
                _ => {}
            }
        }
        text
    }

    #[test]
    fn the_library_gets_the_table_and_all_others_get_it_of_the_library() {
        let moved = with_its_functions(wat::parse_str(LINKED).unwrap());
        let wanted = "1 own table\nimports base of env\n1 own table\nfilled from I32Const { value: 1 }\n\
                      imports table of library\nimports call of library\nfilled from I32Const { value: 3 }\n\
                      hands on table 0\nhands on table 1\n";
        assert_eq!(printed(&moved), wanted);
    }

    #[test]
    fn what_is_put_together_in_another_way_stays() {
        let base = "(global (export \"base\") i32 (i32.const 1))";
        for other in [
            LINKED.replace(base, "(global (export \"base\") (mut i32) (i32.const 1))"),
            LINKED.replace("(elem (global.get $base) func $one $two)", ""),
            LINKED.replace("(with \"library\" (instance $l))", "(with \"library\" (instance $l2))").replace(
                "(core instance $f",
                "(alias core export $l \"call\" (core func $c)) (core instance $l2 (export \"call\" (func $c))) (core instance $f",
            ),
            "(component)".to_owned(),
        ] {
            let component = wat::parse_str(&other).unwrap();
            assert_eq!(with_its_functions(component.clone()), component, "{other}");
        }
    }
}
