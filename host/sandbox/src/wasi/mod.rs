//! A WASI 0.2 without power, for components of languages whose run time imports one: every answer follows from the
//! decision. There are no files, sockets, arguments or environment variables; the clocks begin with the decision;
//! random bytes are drawn from it; what is written goes into the plugin's log; who exits is stopped.
//!
//! A function that is not answered here refuses: with the error of its own type
//! (`not-permitted`, `access-denied`, `closed`), with nothing (an empty list, none), or else by a trap.

mod machine;

use wasmtime::{
    StoreContextMut, bail,
    component::{
        Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, Type, Val,
        types::ComponentItem,
    },
};

pub(crate) use self::machine::Machine;
use self::machine::{STDERR, STDOUT};
use crate::state::State;

/// What a component may import, of whatever patch version of 0.2.
const INTERFACES: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The name of an interface of WASI 0.2 without its version; none when the import is no such interface.
pub(crate) fn interface(import: &str) -> Option<&str> {
    let (name, version) = import.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    let known = INTERFACES.contains(&name) && patch.parse::<u32>().is_ok();
    known.then_some(name)
}

/// Links what a component imports of these interfaces, each function with the type that the component expects: those
/// that are answered are checked against it, the others refuse in its words.
pub(crate) fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    for (import, item) in component.component_type().imports(engine) {
        let (Some(name), ComponentItem::ComponentInstance(items)) = (interface(import), item.ty) else {
            continue;
        };
        let mut instance = linker.instance(import)?;
        for (function, item) in items.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => define_resource(&mut instance, function)?,
                ComponentItem::ComponentFunc(ty) if !answer(&mut instance, name, function)? => {
                    let refusal = ty.results().next().and_then(|result| refusal(&result));
                    refuse(&mut instance, function, refusal, format!("{name}#{function}"))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// "No" in a function's own words, where its type has some.
fn refusal(result: &Type) -> Option<Val> {
    match result {
        Type::List(_) => Some(Val::List(vec![])),
        Type::Option(_) => Some(Val::Option(None)),
        Type::Result(result) => {
            let error = match result.err()? {
                Type::Enum(cases) => cases
                    .names()
                    .find(|case| ["not-permitted", "access-denied"].contains(case))
                    .map(|case| Val::Enum(case.to_owned())),
                Type::Variant(cases) => cases
                    .cases()
                    .find(|case| case.name == "closed" && case.ty.is_none())
                    .map(|case| Val::Variant(case.name.to_owned(), None)),
                _ => None,
            };
            Some(Val::Result(Err(Some(Box::new(error?)))))
        }
        _ => None,
    }
}

fn refuse(
    instance: &mut LinkerInstance<'_, State>,
    name: &str,
    refusal: Option<Val>,
    full_name: String,
) -> wasmtime::Result<()> {
    instance.func_new(name, move |mut store, _, arguments, results| {
        for argument in arguments {
            if let Val::Resource(handle) = argument {
                handle.resource_drop(&mut store)?;
            }
        }
        match (&refusal, results.first_mut()) {
            (Some(refusal), Some(result)) => *result = refusal.clone(),
            _ => bail!("{full_name} is not permitted to plugins"),
        }
        Ok(())
    })
}

struct Pollable;
struct OutputStream;
struct InputStream;
struct Network;
/// A resource of which there is none: nothing that makes one is permitted.
struct Never<const N: u8>;

fn define_resource(instance: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    let ty = match name {
        "pollable" => ResourceType::host::<Pollable>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "input-stream" => ResourceType::host::<InputStream>(),
        "network" => ResourceType::host::<Network>(),
        "error" => ResourceType::host::<Never<0>>(),
        "terminal-input" => ResourceType::host::<Never<1>>(),
        "terminal-output" => ResourceType::host::<Never<2>>(),
        "descriptor" => ResourceType::host::<Never<3>>(),
        "directory-entry-stream" => ResourceType::host::<Never<4>>(),
        "tcp-socket" => ResourceType::host::<Never<5>>(),
        "udp-socket" => ResourceType::host::<Never<6>>(),
        "incoming-datagram-stream" => ResourceType::host::<Never<7>>(),
        "outgoing-datagram-stream" => ResourceType::host::<Never<8>>(),
        "resolve-address-stream" => ResourceType::host::<Never<9>>(),
        _ => bail!("WASI: unknown resource {name}"),
    };
    let pollable = name == "pollable";
    instance.resource(name, ty, move |mut store, rep| {
        store.data_mut().machine.drop_handle(pollable.then_some(rep));
        Ok(())
    })
}

#[derive(ComponentType, Lower, Lift)]
#[component(variant)]
#[allow(dead_code)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<Never<0>>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

type Cx<'a> = StoreContextMut<'a, State>;
type Written = Result<(), StreamError>;

/// Defines a function that has an answer; false when it has none.
fn answer(instance: &mut LinkerInstance<'_, State>, interface: &str, name: &str) -> wasmtime::Result<bool> {
    match (interface, name) {
        ("wasi:cli/exit", "exit") => instance.func_wrap(name, |_: Cx<'_>, (_,): (Result<(), ()>,)| exit())?,
        ("wasi:cli/exit", "exit-with-code") => instance.func_wrap(name, |_: Cx<'_>, (_,): (u8,)| exit())?,
        ("wasi:cli/stdin", "get-stdin") => instance.func_wrap(name, |mut cx: Cx<'_>, (): ()| {
            cx.data_mut().machine.handle()?;
            Ok((Resource::<InputStream>::new_own(0),))
        })?,
        ("wasi:cli/stdout", "get-stdout") => {
            instance.func_wrap(name, |cx: Cx<'_>, (): ()| output(cx, STDOUT))?
        }
        ("wasi:cli/stderr", "get-stderr") => {
            instance.func_wrap(name, |cx: Cx<'_>, (): ()| output(cx, STDERR))?
        }
        ("wasi:sockets/instance-network", "instance-network") => {
            instance.func_wrap(name, |mut cx: Cx<'_>, (): ()| {
                cx.data_mut().machine.handle()?;
                Ok((Resource::<Network>::new_own(0),))
            })?;
        }
        ("wasi:io/streams", _) => return streams(instance, name),
        ("wasi:io/poll", _) => return poll(instance, name),
        ("wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock", _) => {
            return clocks(instance, interface, name);
        }
        ("wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed", _) => {
            return random(instance, name);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn exit() -> wasmtime::Result<()> {
    bail!("exit was called: a plugin answers an error instead of ending its process")
}

fn output(mut cx: Cx<'_>, stream: u32) -> wasmtime::Result<(Resource<OutputStream>,)> {
    cx.data_mut().machine.handle()?;
    Ok((Resource::new_own(stream),))
}

fn ready(mut cx: Cx<'_>) -> wasmtime::Result<(Resource<Pollable>,)> {
    timer(&mut cx, 0)
}

fn timer(cx: &mut Cx<'_>, at: u64) -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((Resource::new_own(cx.data_mut().machine.timer(at)?),))
}

fn streams(instance: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<bool> {
    fn write(
        mut cx: Cx<'_>,
        (stream, bytes): (Resource<OutputStream>, Vec<u8>),
    ) -> wasmtime::Result<(Written,)> {
        cx.data_mut().print(stream.rep(), &bytes);
        Ok((Ok(()),))
    }
    fn flush(_: Cx<'_>, (_,): (Resource<OutputStream>,)) -> wasmtime::Result<(Written,)> {
        Ok((Ok(()),))
    }
    match name {
        "[method]output-stream.check-write" => {
            instance.func_wrap(name, |_: Cx<'_>, (_,): (Resource<OutputStream>,)| {
                Ok((Ok::<_, StreamError>(machine::MAX_WRITE_BYTES),))
            })?;
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            instance.func_wrap(name, write)?;
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            instance.func_wrap(name, flush)?;
        }
        "[method]output-stream.subscribe" => {
            instance.func_wrap(name, |cx: Cx<'_>, (_,): (Resource<OutputStream>,)| ready(cx))?;
        }
        "[method]input-stream.subscribe" => {
            instance.func_wrap(name, |cx: Cx<'_>, (_,): (Resource<InputStream>,)| ready(cx))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn poll(instance: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "[method]pollable.ready" => {
            instance.func_wrap(name, |cx: Cx<'_>, (pollable,): (Resource<Pollable>,)| {
                Ok((cx.data().machine.is_ready(pollable.rep()),))
            })?;
        }
        "[method]pollable.block" => {
            instance.func_wrap(name, |mut cx: Cx<'_>, (pollable,): (Resource<Pollable>,)| {
                cx.data_mut().machine.wait(&[pollable.rep()]);
                Ok(())
            })?;
        }
        "poll" => instance.func_wrap(
            name,
            |mut cx: Cx<'_>, (pollables,): (Vec<Resource<Pollable>>,)| {
                if pollables.is_empty() {
                    bail!("wasi:io/poll#poll was called with nothing to wait for");
                }
                let timers: Vec<_> = pollables.iter().map(Resource::rep).collect();
                Ok((cx.data_mut().machine.wait(&timers),))
            },
        )?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn clocks(instance: &mut LinkerInstance<'_, State>, interface: &str, name: &str) -> wasmtime::Result<bool> {
    match (interface, name) {
        ("wasi:clocks/wall-clock", "now") => instance.func_wrap(name, |cx: Cx<'_>, (): ()| {
            let now = cx.data().env.now.0;
            Ok((Datetime {
                seconds: now / 1_000,
                nanoseconds: (now % 1_000) as u32 * 1_000_000,
            },))
        })?,
        ("wasi:clocks/wall-clock", "resolution") => instance.func_wrap(name, |_: Cx<'_>, (): ()| {
            Ok((Datetime {
                seconds: 0,
                nanoseconds: 1_000_000,
            },))
        })?,
        (_, "now") => {
            instance.func_wrap(name, |mut cx: Cx<'_>, (): ()| Ok((cx.data_mut().machine.now(),)))?
        }
        (_, "resolution") => instance.func_wrap(name, |_: Cx<'_>, (): ()| Ok((machine::TICK_NS,)))?,
        (_, "subscribe-instant") => {
            instance.func_wrap(name, |mut cx: Cx<'_>, (at,): (u64,)| timer(&mut cx, at))?
        }
        (_, "subscribe-duration") => instance.func_wrap(name, |mut cx: Cx<'_>, (length,): (u64,)| {
            let at = cx.data_mut().machine.now().saturating_add(length);
            timer(&mut cx, at)
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn random(instance: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "get-random-bytes" | "get-insecure-random-bytes" => {
            instance.func_wrap(name, |mut cx: Cx<'_>, (length,): (u64,)| {
                if length > machine::MAX_RANDOM_BYTES {
                    bail!(
                        "asked for {length} random bytes: expected at most {}",
                        machine::MAX_RANDOM_BYTES
                    );
                }
                let mut bytes = vec![0; length as usize];
                cx.data_mut().draw(&mut bytes);
                Ok((bytes,))
            })?;
        }
        "get-random-u64" | "get-insecure-random-u64" => {
            instance.func_wrap(name, |mut cx: Cx<'_>, (): ()| Ok((number(&mut cx),)))?;
        }
        "insecure-seed" => {
            instance.func_wrap(name, |mut cx: Cx<'_>, (): ()| {
                Ok(((number(&mut cx), number(&mut cx)),))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn number(cx: &mut Cx<'_>) -> u64 {
    let mut bytes = [0; 8];
    cx.data_mut().draw(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_known_whatever_their_patch_version() {
        assert_eq!(interface("wasi:io/streams@0.2.3"), Some("wasi:io/streams"));
        for other in [
            "wasi:http/handler@0.2.3",
            "wasi:io/streams@0.3.0",
            "cx:host/log@0.2.0",
            "wasi:io/streams",
            "wasi:io/streams@0.2.x",
        ] {
            assert_eq!(interface(other), None, "{other}");
        }
    }
}
