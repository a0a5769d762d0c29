//! The contract's types in TypeScript, out of the WIT texts with their documentation: a module per interface, as a
//! component on QuickJS imports and exports it.

use std::fmt::Write as _;

use wit_parser::{Docs, Function, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

/// Declares every interface of these packages.
pub(crate) fn declarations(resolve: &Resolve) -> String {
    let mut text = String::from("// Generated from wit/. Do not edit.\n");
    for (id, _) in resolve.interfaces.iter() {
        interface(&mut text, resolve, id);
    }
    text
}

fn interface(text: &mut String, resolve: &Resolve, id: InterfaceId) {
    let Some(name) = resolve.id_of(id) else { return };
    let interface = &resolve.interfaces[id];
    let mut body = String::new();
    for (name, ty) in &interface.types {
        named(&mut body, resolve, id, name, *ty);
    }
    for function in interface.functions.values() {
        docs(&mut body, &function.docs, throws(resolve, function));
        let parameters: Vec<_> = function
            .params
            .iter()
            .map(|parameter| format!("{}: {}", camel(&parameter.name), ts(resolve, &parameter.ty)))
            .collect();
        let result = function.result.as_ref().map_or_else(
            || "void".to_owned(),
            |result| match split(resolve, result) {
                Some((ok, _)) => ok.map_or_else(|| "void".to_owned(), |ok| ts(resolve, &ok)),
                None => ts(resolve, result),
            },
        );
        // `delete` is a word of the language.
        let (own, export) = match camel(&function.name).as_str() {
            "delete" => ("delete_".to_owned(), "\n  export { delete_ as delete };"),
            name => (name.to_owned(), ""),
        };
        let _ = writeln!(
            body,
            "  export function {own}({}): {result};{export}",
            parameters.join(", ")
        );
    }
    docs(text, &interface.docs, None);
    let _ = writeln!(text, "declare module {name:?} {{\n{body}}}");
}

/// A type of an interface, its own or another's.
fn named(text: &mut String, resolve: &Resolve, interface: InterfaceId, name: &str, id: TypeId) {
    let definition = &resolve.types[id];
    let name = pascal(name);
    if let TypeDefKind::Type(Type::Id(other)) = &definition.kind
        && let (TypeOwner::Interface(owner), Some(theirs)) =
            (resolve.types[*other].owner, &resolve.types[*other].name)
        && owner != interface
        && let Some(module) = resolve.id_of(owner)
    {
        let _ = writeln!(
            text,
            "  export type {name} = import({module:?}).{};",
            pascal(theirs)
        );
        return;
    }
    docs(text, &definition.docs, None);
    match &definition.kind {
        TypeDefKind::Record(record) => {
            let _ = writeln!(text, "  export interface {name} {{");
            for field in &record.fields {
                docs(text, &field.docs, None);
                let _ = writeln!(text, "    {}: {};", camel(&field.name), ts(resolve, &field.ty));
            }
            text.push_str("  }\n");
        }
        TypeDefKind::Enum(cases) => {
            let _ = writeln!(text, "  export type {name} =");
            for case in &cases.cases {
                docs(text, &case.docs, None);
                let _ = writeln!(text, "    | {:?}", case.name);
            }
            text.push_str("    ;\n");
        }
        TypeDefKind::Variant(variant) => {
            let _ = writeln!(text, "  export type {name} =");
            for case in &variant.cases {
                docs(text, &case.docs, None);
                let payload = case
                    .ty
                    .as_ref()
                    .map_or_else(String::new, |ty| format!("; val: {}", ts(resolve, ty)));
                let _ = writeln!(text, "    | {{ tag: {:?}{payload} }}", case.name);
            }
            text.push_str("    ;\n");
        }
        kind => {
            let _ = writeln!(text, "  export type {name} = {};", of_kind(resolve, kind));
        }
    }
}

fn docs(text: &mut String, docs: &Docs, more: Option<&str>) {
    let lines: Vec<_> = docs
        .contents
        .iter()
        .flat_map(|contents| contents.lines())
        .chain(more)
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(text, "  /** {} */", lines.join("\n   * ").replace("*/", "* /"));
    }
}

fn throws(resolve: &Resolve, function: &Function) -> Option<&'static str> {
    let fails = function
        .result
        .as_ref()
        .is_some_and(|result| split(resolve, result).is_some());
    fails.then_some("@throws an Error whose `payload` is the `error` of cx:types")
}

/// The two sides of a result.
fn split(resolve: &Resolve, ty: &Type) -> Option<(Option<Type>, Option<Type>)> {
    let Type::Id(id) = ty else { return None };
    match &resolve.types[*id].kind {
        TypeDefKind::Result(result) => Some((result.ok, result.err)),
        _ => None,
    }
}

fn ts(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Bool => "boolean".to_owned(),
        Type::Char | Type::String => "string".to_owned(),
        Type::Id(id) => match &resolve.types[*id].name {
            Some(name) => pascal(name),
            None => of_kind(resolve, &resolve.types[*id].kind),
        },
        _ => "number".to_owned(),
    }
}

fn of_kind(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let side = |side: &Option<Type>| {
        side.as_ref()
            .map_or_else(|| "undefined".to_owned(), |ty| ts(resolve, ty))
    };
    match kind {
        TypeDefKind::Type(ty) => ts(resolve, ty),
        TypeDefKind::Option(ty) => format!("{} | null", ts(resolve, ty)),
        TypeDefKind::List(Type::U8) => "Uint8Array".to_owned(),
        TypeDefKind::List(ty) => {
            let element = ts(resolve, ty);
            if element.contains(' ') {
                format!("({element})[]")
            } else {
                format!("{element}[]")
            }
        }
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<_> = tuple.types.iter().map(|ty| ts(resolve, ty)).collect();
            format!("[{}]", types.join(", "))
        }
        TypeDefKind::Result(result) => format!(
            "{{ tag: \"ok\"; val: {} }} | {{ tag: \"err\"; val: {} }}",
            side(&result.ok),
            side(&result.err)
        ),
        _ => "unknown".to_owned(),
    }
}

/// `look-again-at` is `lookAgainAt`.
pub(crate) fn camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |joined, word| joined + &capital(word))
}

/// `look-again-at` is `LookAgainAt`.
pub(crate) fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}
