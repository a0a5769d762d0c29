//! Names, types and links of the contract in Markdown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use wit_parser::{
    Docs, Function, FunctionKind, Interface, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner,
};

/// The contract, and who uses which of its types.
pub(super) struct Contract<'a> {
    pub(super) resolve: &'a Resolve,
    used: BTreeMap<(String, String), BTreeSet<String>>,
}

/// Where something is told: the page, and the anchor there.
fn place(resolve: &Resolve, interface: InterfaceId, anchor: &str) -> String {
    format!("{}.md#{anchor}", package(resolve, &resolve.interfaces[interface]))
}

/// The name of an interface's package, which is that of its page.
pub(super) fn package<'a>(resolve: &'a Resolve, interface: &Interface) -> &'a str {
    interface
        .package
        .map_or("", |package| resolve.packages[package].name.name.as_str())
}

/// A documentation text with its lines joined to paragraphs.
pub(super) fn prose(docs: &Docs) -> String {
    let text = docs.contents.as_deref().unwrap_or_default();
    let paragraphs: Vec<_> = text
        .split("\n\n")
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|part| !part.is_empty())
        .collect();
    paragraphs.join("\n\n")
}

/// Its first sentence, without the full stop.
pub(super) fn sentence(docs: &Docs) -> String {
    let text = prose(docs);
    let first = text.split("\n\n").next().unwrap_or_default();
    first
        .split(". ")
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_owned()
}

/// A documentation text for a cell of a table.
fn cell(docs: &Docs) -> String {
    prose(docs).replace("\n\n", " ").replace('|', "\\|")
}

/// What a function is called on its page: with its interface when another one there has a function of the same name.
fn title(resolve: &Resolve, interface: InterfaceId, name: &str) -> String {
    let page = place(resolve, interface, "");
    let shared = resolve.interfaces.iter().any(|(id, other)| {
        id != interface && other.functions.contains_key(name) && place(resolve, id, "") == page
    });
    match &resolve.interfaces[interface].name {
        Some(own) if shared => format!("{own}.{name}"),
        _ => name.to_owned(),
    }
}

impl<'a> Contract<'a> {
    pub(super) fn new(resolve: &'a Resolve) -> Self {
        let mut contract = Self {
            resolve,
            used: BTreeMap::new(),
        };
        for (id, interface) in resolve.interfaces.iter() {
            for function in interface.functions.values() {
                let title = title(resolve, id, &function.name);
                let anchor = format!("function-{}", title.replace('.', ""));
                let user = format!("[{title}]({})", place(resolve, id, &anchor));
                let types = function.params.iter().map(|param| param.ty);
                for ty in types.chain(function.result) {
                    contract.uses(ty, &user);
                }
            }
            for (name, ty) in &interface.types {
                let Some(word) = contract.own(*ty, id) else {
                    continue;
                };
                let user = format!("[{name}]({})", place(resolve, id, &format!("{word}-{name}")));
                for ty in parts(&resolve.types[*ty].kind) {
                    contract.uses(ty, &user);
                }
            }
        }
        contract
    }

    fn uses(&mut self, ty: Type, user: &str) {
        let Type::Id(id) = ty else { return };
        let id = self.original(id);
        match self.named(id) {
            Some((interface, name, _)) => {
                let key = (self.resolve.id_of(interface).unwrap_or_default(), name.to_owned());
                self.used.entry(key).or_default().insert(user.to_owned());
            }
            None => {
                for part in parts(&self.resolve.types[id].kind) {
                    self.uses(part, user);
                }
            }
        }
    }

    /// The type that a `use` means.
    fn original(&self, id: TypeId) -> TypeId {
        match &self.resolve.types[id].kind {
            TypeDefKind::Type(Type::Id(other)) if self.resolve.types[id].name.is_some() => {
                let (here, there) = (self.resolve.types[id].owner, self.resolve.types[*other].owner);
                if here == there { id } else { self.original(*other) }
            }
            _ => id,
        }
    }

    /// Interface, name and kind of a type that has a name.
    fn named(&self, id: TypeId) -> Option<(InterfaceId, &'a str, &'static str)> {
        let ty = &self.resolve.types[id];
        let TypeOwner::Interface(owner) = ty.owner else {
            return None;
        };
        Some((owner, ty.name.as_deref()?, word(&ty.kind)))
    }

    /// The kind of a type of this interface; none when it is another interface's.
    fn own(&self, id: TypeId, interface: InterfaceId) -> Option<&'static str> {
        let (owner, _, word) = self.named(self.original(id))?;
        (owner == interface && self.original(id) == id).then_some(word)
    }

    /// A type in words, with links.
    pub(super) fn ty(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else {
            return format!("`{}`", primitive(ty));
        };
        let id = self.original(*id);
        if let Some((interface, name, word)) = self.named(id) {
            return format!(
                "[{name}]({})",
                place(self.resolve, interface, &format!("{word}-{name}"))
            );
        }
        self.of_kind(&self.resolve.types[id].kind)
    }

    fn of_kind(&self, kind: &TypeDefKind) -> String {
        match kind {
            TypeDefKind::Option(ty) => format!("{} or none", self.ty(ty)),
            TypeDefKind::List(Type::U8) => "bytes".to_owned(),
            TypeDefKind::List(ty) => format!("list of {}", self.ty(ty)),
            TypeDefKind::Type(ty) => self.ty(ty),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.ty(ty)).collect();
                types.join(" and ")
            }
            TypeDefKind::Result(result) => {
                let ok = result.ok.map_or_else(|| "nothing".to_owned(), |ty| self.ty(&ty));
                let err = result
                    .err
                    .map_or_else(|| "an error".to_owned(), |ty| self.ty(&ty));
                format!("{ok}; fails with {err}")
            }
            other => other.as_str().to_owned(),
        }
    }

    /// A type as WIT writes it.
    fn wit(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else {
            return primitive(ty).to_owned();
        };
        let ty = &self.resolve.types[*id];
        if let Some(name) = &ty.name {
            return name.clone();
        }
        match &ty.kind {
            TypeDefKind::Option(ty) => format!("option<{}>", self.wit(ty)),
            TypeDefKind::List(ty) => format!("list<{}>", self.wit(ty)),
            TypeDefKind::Result(result) => match (result.ok, result.err) {
                (Some(ok), Some(err)) => format!("result<{}, {}>", self.wit(&ok), self.wit(&err)),
                (None, Some(err)) => format!("result<_, {}>", self.wit(&err)),
                (Some(ok), None) => format!("result<{}>", self.wit(&ok)),
                (None, None) => "result".to_owned(),
            },
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.wit(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            other => other.as_str().to_owned(),
        }
    }

    /// A function with its signature, what it takes and gives, and its words.
    pub(super) fn function(&self, text: &mut String, interface: InterfaceId, function: &Function) {
        debug_assert!(matches!(function.kind, FunctionKind::Freestanding));
        let params: Vec<_> = function
            .params
            .iter()
            .map(|param| format!("{}: {}", param.name, self.wit(&param.ty)))
            .collect();
        let result = function.result.as_ref();
        let arrow = result.map_or_else(String::new, |ty| format!(" -> {}", self.wit(ty)));
        let name = &function.name;
        let _ = writeln!(
            text,
            "### function {}\n\n```wit\n{name}: func({}){arrow}\n```\n\n{}\n",
            title(self.resolve, interface, name),
            params.join(", "),
            prose(&function.docs)
        );
        if !function.params.is_empty() || result.is_some() {
            text.push_str("| | type |\n|---|---|\n");
            for param in &function.params {
                let _ = writeln!(text, "| `{}` | {} |", param.name, self.ty(&param.ty));
            }
            if let Some(result) = result {
                let _ = writeln!(text, "| returns | {} |", self.ty(result));
            }
            text.push('\n');
        }
    }

    /// The types of an interface that are its own.
    pub(super) fn types(&self, text: &mut String, id: InterfaceId) {
        let interface = &self.resolve.interfaces[id];
        for (name, ty) in &interface.types {
            let Some(word) = self.own(*ty, id) else { continue };
            let definition = &self.resolve.types[*ty];
            let _ = writeln!(text, "### {word} {name}\n\n{}\n", prose(&definition.docs));
            self.parts_of(text, &definition.kind);
            let key = (self.resolve.id_of(id).unwrap_or_default(), name.clone());
            if let Some(users) = self.used.get(&key) {
                let users: Vec<_> = users.iter().cloned().collect();
                let _ = writeln!(text, "Used by {}.\n", users.join(", "));
            }
        }
    }

    fn parts_of(&self, text: &mut String, kind: &TypeDefKind) {
        match kind {
            TypeDefKind::Record(record) => {
                text.push_str("| field | type | |\n|---|---|---|\n");
                for field in &record.fields {
                    let (name, ty) = (&field.name, self.ty(&field.ty));
                    let _ = writeln!(text, "| `{name}` | {ty} | {} |", cell(&field.docs));
                }
            }
            TypeDefKind::Variant(variant) => {
                text.push_str("| case | carries | |\n|---|---|---|\n");
                for case in &variant.cases {
                    let carries = case.ty.map_or_else(|| "–".to_owned(), |ty| self.ty(&ty));
                    let _ = writeln!(text, "| `{}` | {carries} | {} |", case.name, cell(&case.docs));
                }
            }
            TypeDefKind::Enum(cases) => {
                text.push_str("| case | |\n|---|---|\n");
                for case in &cases.cases {
                    let _ = writeln!(text, "| `{}` | {} |", case.name, cell(&case.docs));
                }
            }
            other => {
                let _ = writeln!(text, "A name for {}.", self.of_kind(other));
            }
        }
        text.push('\n');
    }
}

/// The types that a type is made of.
fn parts(kind: &TypeDefKind) -> Vec<Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => vec![*ty],
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::Result(result) => result.ok.into_iter().chain(result.err).collect(),
        _ => Vec::new(),
    }
}

fn word(kind: &TypeDefKind) -> &'static str {
    match kind {
        TypeDefKind::Record(_) | TypeDefKind::Variant(_) | TypeDefKind::Enum(_) => kind.as_str(),
        _ => "type",
    }
}

const fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "",
    }
}
