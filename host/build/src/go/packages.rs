//! The packages that a plugin in Go imports, one for each interface of its world, with the names and the habits of Go
//! over the generated bindings: `jackfield/customers` has `History(limit) ([]PastInteraction, error)`.

use std::{collections::BTreeSet, fmt::Write as _};

use wit_parser::{
    Docs, Function, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldId, WorldItem,
};

use crate::{
    BuildError, contract,
    typescript::{camel, pascal},
};

const HEAD: &str = "// Generated from wit/. DO NOT EDIT.\n\n";

/// A file for Go to compile for plugins only.
pub(super) fn wasm_only(text: &str) -> String {
    format!("//go:build wasm\n\n{text}")
}

/// The packages of a world: path and text.
pub(super) fn of(resolve: &Resolve, world: WorldId) -> Result<Vec<(String, String)>, BuildError> {
    let names = contract::short_names(resolve, world);
    let items = &resolve.worlds[world];
    let mut files = Vec::new();
    for (key, item) in items.imports.iter().chain(&items.exports) {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let full = resolve.name_world_key(key);
        let Some((_, short)) = names.iter().find(|(name, _)| *name == full) else {
            continue;
        };
        let short = short.replace('_', "");
        let mut package = Package::new(resolve, *id);
        package.types();
        if items.imports.contains_key(key) {
            for function in resolve.interfaces[*id].functions.values() {
                package.import(function)?;
            }
        }
        if !package.body.is_empty() {
            files.push((format!("{short}/{short}.go"), package.text(&short)));
        }
    }
    Ok(files)
}

/// What joins the generated program to the plugin: an export each.
pub(super) fn exports(
    resolve: &Resolve,
    world: WorldId,
    plugin: &str,
) -> Result<Vec<(String, String)>, BuildError> {
    let mut files = Vec::new();
    for item in resolve.worlds[world].exports.values() {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let mut package = Package::new(resolve, *id);
        package.imports.insert("\"jackfield\"".to_owned());
        package.imports.insert(format!("plugin {plugin:?}"));
        for function in resolve.interfaces[*id].functions.values() {
            package.export(function)?;
        }
        let name = format!("export_{}", raw(resolve, *id));
        files.push((format!("{name}/export.go"), wasm_only(&package.text(&name))));
    }
    Ok(files)
}

/// A function of the plugin as its author writes it.
pub(super) fn signature(
    resolve: &Resolve,
    world: WorldId,
    interface: InterfaceId,
    function: &str,
) -> Option<String> {
    let function = resolve.interfaces[interface].functions.get(function)?;
    let mut package = Package::new(resolve, interface);
    let (parameters, _) = package.parameters(function).ok()?;
    let (ok, _) = package.sides(function.result.as_ref()?)?;
    let ok = package.go(&ok?).ok()?;
    let mut text = format!("func {}({parameters}) ({ok}, error)", pascal(&function.name));
    // Authors import packages by their short names.
    let items = resolve.worlds[world]
        .imports
        .iter()
        .chain(&resolve.worlds[world].exports);
    for (full, short) in contract::short_names(resolve, world) {
        for (key, item) in items.clone() {
            if let WorldItem::Interface { id, .. } = item
                && resolve.name_world_key(key) == full
            {
                let raw = raw(resolve, *id);
                text = text.replace(&format!("{raw}."), &format!("{}.", short.replace('_', "")));
            }
        }
    }
    Some(text)
}

/// The name of `wit-bindgen`'s package of an interface.
fn raw(resolve: &Resolve, interface: InterfaceId) -> String {
    let full = resolve.id_of(interface).unwrap_or_default();
    let plain = full.split('@').next().unwrap_or_default();
    plain.replace([':', '/', '-'], "_")
}

struct Package<'a> {
    resolve: &'a Resolve,
    interface: InterfaceId,
    imports: BTreeSet<String>,
    body: String,
}

impl<'a> Package<'a> {
    fn new(resolve: &'a Resolve, interface: InterfaceId) -> Self {
        Self {
            resolve,
            interface,
            imports: BTreeSet::new(),
            body: String::new(),
        }
    }

    fn text(self, name: &str) -> String {
        let mut text = String::from(HEAD);
        let docs = &self.resolve.interfaces[self.interface].docs;
        comment(&mut text, &format!("Package {name}: "), docs, "");
        let _ = writeln!(text, "package {name}\n");
        for import in self.imports {
            let _ = writeln!(text, "import {import}");
        }
        text + &self.body
    }

    /// The interface's own types; what it uses of others is in their packages.
    fn types(&mut self) {
        for (name, id) in &self.resolve.interfaces[self.interface].types {
            let definition = &self.resolve.types[*id];
            if let TypeDefKind::Type(Type::Id(other)) = &definition.kind
                && self.resolve.types[*other].owner != definition.owner
            {
                continue;
            }
            let own = self.bindings(self.interface);
            let name = pascal(name);
            self.body.push('\n');
            comment(&mut self.body, &format!("{name}: "), &definition.docs, "");
            let _ = writeln!(self.body, "type {name} = {own}.{name}");
            match &definition.kind {
                TypeDefKind::Enum(cases) => {
                    self.body.push_str("\nconst (\n");
                    for case in &cases.cases {
                        comment(&mut self.body, "", &case.docs, "\t");
                        let case = pascal(&case.name);
                        let _ = writeln!(self.body, "\t{name}{case} {name} = {own}.{name}_{case}");
                    }
                    self.body.push_str(")\n");
                }
                TypeDefKind::Variant(variant) => {
                    let _ = writeln!(self.body, "\n// What [{name}.Tag] tells.\nconst (");
                    for case in &variant.cases {
                        let case = pascal(&case.name);
                        let _ = writeln!(self.body, "\t{name}Is{case} = {own}.{name}_{case}");
                    }
                    self.body.push_str(")\n");
                    for case in &variant.cases {
                        let short = pascal(&case.name);
                        self.body.push('\n');
                        comment(&mut self.body, &format!("{name}{short}: "), &case.docs, "");
                        let (parameter, value) = match &case.ty {
                            Some(ty) => (format!("value {}", self.go(ty).unwrap_or_default()), "value"),
                            None => (String::new(), ""),
                        };
                        let _ = writeln!(
                            self.body,
                            "func {name}{short}({parameter}) {name} {{ return {own}.Make{name}{short}({value}) }}"
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// A function of the host.
    fn import(&mut self, function: &Function) -> Result<(), BuildError> {
        let (parameters, values) = self.parameters(function)?;
        let own = self.bindings(self.interface);
        let name = pascal(&function.name);
        let call = format!("{own}.{name}({values})");
        let sides = function
            .result
            .as_ref()
            .map(|result| (result, self.sides(result)));
        let (result, body) = match sides {
            None => (String::new(), call),
            Some((_, Some((None, _)))) => {
                let unpack = self.wit("Unpack");
                (
                    "error".to_owned(),
                    format!("_, err := {unpack}({call})\n\treturn err"),
                )
            }
            Some((_, Some((Some(ok), _)))) => {
                let (ok, unpack) = (self.go(&ok)?, self.wit("Unpack"));
                (format!("({ok}, error)"), format!("return {unpack}({call})"))
            }
            Some((result, None)) => (self.go(result)?, format!("return {call}")),
        };
        self.body.push('\n');
        comment(&mut self.body, &format!("{name}: "), &function.docs, "");
        let _ = writeln!(self.body, "func {name}({parameters}) {result} {{\n\t{body}\n}}");
        Ok(())
    }

    /// A function of the plugin.
    fn export(&mut self, function: &Function) -> Result<(), BuildError> {
        let (parameters, values) = self.parameters(function)?;
        let name = pascal(&function.name);
        let sides = function.result.as_ref().and_then(|result| self.sides(result));
        let Some((Some(ok), Some(err))) = sides else {
            return Err(unknown(&name));
        };
        let (ok, err) = (self.go(&ok)?, self.go(&err)?);
        let (result, fails, answers) = (self.wit("Result"), self.wit("Err"), self.wit("Ok"));
        let sides = format!("[{ok}, {err}]");
        let _ = writeln!(
            self.body,
            "\nfunc {name}({parameters}) (result {result}{sides}) {{\n\
             \tjackfield.Begin()\n\
             \tdefer func() {{\n\
             \t\tif cause := recover(); cause != nil {{\n\
             \t\t\tresult = {fails}{sides}(jackfield.Panicked(cause))\n\
             \t\t}}\n\
             \t}}()\n\
             \tanswer, err := plugin.{name}({values})\n\
             \tif err != nil {{\n\
             \t\treturn {fails}{sides}(jackfield.AsError(err))\n\
             \t}}\n\
             \treturn {answers}{sides}(answer)\n\
             }}"
        );
        Ok(())
    }

    fn parameters(&mut self, function: &Function) -> Result<(String, String), BuildError> {
        let mut declared = Vec::new();
        let mut values = Vec::new();
        for parameter in &function.params {
            let name = camel(&parameter.name);
            declared.push(format!("{name} {}", self.go(&parameter.ty)?));
            values.push(name);
        }
        Ok((declared.join(", "), values.join(", ")))
    }

    /// The two sides of a result; either may be nothing.
    fn sides(&self, ty: &Type) -> Option<(Option<Type>, Option<Type>)> {
        let Type::Id(id) = ty else { return None };
        match &self.resolve.types[*id].kind {
            TypeDefKind::Result(result) => Some((result.ok, result.err)),
            _ => None,
        }
    }

    /// A type as the bindings have it.
    fn go(&mut self, ty: &Type) -> Result<String, BuildError> {
        Ok(match ty {
            Type::Bool => "bool".to_owned(),
            Type::U8 => "uint8".to_owned(),
            Type::U16 => "uint16".to_owned(),
            Type::U32 => "uint32".to_owned(),
            Type::U64 => "uint64".to_owned(),
            Type::S8 => "int8".to_owned(),
            Type::S16 => "int16".to_owned(),
            Type::S32 => "int32".to_owned(),
            Type::S64 => "int64".to_owned(),
            Type::F32 => "float32".to_owned(),
            Type::F64 => "float64".to_owned(),
            Type::Char => "rune".to_owned(),
            Type::String => "string".to_owned(),
            Type::Id(id) => self.of_id(*id)?,
            Type::ErrorContext => return Err(unknown("error-context")),
        })
    }

    fn of_id(&mut self, id: TypeId) -> Result<String, BuildError> {
        let definition = &self.resolve.types[id];
        Ok(match (&definition.kind, definition.owner, &definition.name) {
            (TypeDefKind::Type(ty), ..) => self.go(ty)?,
            (TypeDefKind::Option(ty), ..) => {
                let inner = self.go(ty)?;
                format!("{}[{inner}]", self.wit("Option"))
            }
            (TypeDefKind::List(ty), ..) => format!("[]{}", self.go(ty)?),
            (_, TypeOwner::Interface(owner), Some(name)) => {
                format!("{}.{}", self.bindings(owner), pascal(name))
            }
            (kind, ..) => return Err(unknown(kind.as_str())),
        })
    }

    fn bindings(&mut self, interface: InterfaceId) -> String {
        let package = raw(self.resolve, interface);
        self.imports.insert(format!("\"jackfield/bindings/{package}\""));
        package
    }

    fn wit(&mut self, name: &str) -> String {
        self.imports.insert("wit \"jackfield/wit/types\"".to_owned());
        format!("wit.{name}")
    }
}

fn unknown(what: &str) -> BuildError {
    BuildError::Component {
        what: "packages for Go".to_owned(),
        why: format!("{what}: the generator does not know it"),
    }
}

fn comment(text: &mut String, begin: &str, docs: &Docs, indent: &str) {
    let Some(contents) = &docs.contents else { return };
    for (n, line) in contents.trim().lines().enumerate() {
        let begin = if n == 0 { begin } else { "" };
        let _ = writeln!(text, "{}", format!("{indent}// {begin}{line}").trim_end());
    }
}
