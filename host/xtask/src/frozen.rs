//! Released versions of the contract, `wit/<version>`: never changed, and today's packages only add to them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};
use wit_parser::{
    Function, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner, UnresolvedPackageGroup, WorldId,
    WorldItem,
};

use crate::workspace;

/// Each released version, with the SHA-256 over the names and texts of its files.
const RELEASED: [(&str, &str); 1] = [(
    "0.1",
    "c2a99f9eb4c5416ff23980a334d1d70f078b3f237fd9e0b2ad176ff737ec6267",
)];

/// Names each frozen file that was changed and each thing of a released package that today's no longer has.
pub(crate) fn check(wrong: &mut Vec<String>) -> Result<()> {
    let wit = workspace::root().join("wit");
    let today = described(&wit)?;
    for folder in folders(&wit)? {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if is_version(name) && !RELEASED.iter().any(|(version, _)| *version == name) {
            wrong.push(format!(
                "wit/{name} is not among the released versions in host/xtask/src/frozen.rs"
            ));
        }
    }
    for (version, digest) in RELEASED {
        let folder = wit.join(version);
        let found = digest_of(&folder)?;
        if found != digest {
            wrong.push(format!(
                "wit/{version} was changed: its digest is {found}, expected {digest}; released texts stay as they are"
            ));
        }
        compare(version, &described(&folder)?, &today, wrong);
    }
    Ok(())
}

fn is_version(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit())
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(of).with_context(|| of.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn digest_of(version: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    for folder in folders(version)? {
        let mut files: Vec<_> = fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        files.sort();
        for file in files {
            let name = file.strip_prefix(version)?.display().to_string();
            let text = fs::read(&file).with_context(|| name.clone())?;
            digest.update(format!("{name} {}\n", text.len()));
            digest.update(text);
        }
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// What a package offers or asks for, spelled out, under the package's name and version.
type Packages = BTreeMap<String, BTreeMap<String, Item>>;

#[derive(Debug, PartialEq)]
struct Item {
    text: String,
    /// Whether a plugin must have it: then one that is added breaks the compiled ones as one that is gone does.
    exported: bool,
}

fn compare(version: &str, frozen: &Packages, today: &Packages, wrong: &mut Vec<String>) {
    for (package, items) in frozen {
        // A newer version of the package stands in its place; that the host still runs plugins of this one is tested
        // in the sandbox.
        let Some(now) = today.get(package) else { continue };
        for (name, item) in items {
            match now.get(name) {
                None => wrong.push(format!("{package}: {name} of {version} is gone; compiled plugins need it")),
                Some(found) if found.text != item.text => wrong.push(format!(
                    "{package}: {name} was {} in {version} and is {}; a change needs a new version of the package",
                    item.text, found.text
                )),
                Some(_) => {}
            }
        }
        for (name, _) in now
            .iter()
            .filter(|(name, item)| item.exported && !items.contains_key(*name))
        {
            wrong.push(format!(
                "{package}: {name} is new, and plugins compiled for {version} don't export it; it needs a new version \
                 of the package"
            ));
        }
    }
}

/// The packages of a folder, each in a folder of its own.
fn described(wit: &Path) -> Result<Packages> {
    let mut groups = Vec::new();
    for folder in folders(wit)? {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !is_version(name) {
            groups.push(UnresolvedPackageGroup::parse_dir(&folder)?);
        }
    }
    let main = groups
        .pop()
        .with_context(|| format!("{} holds no package", wit.display()))?;
    let mut resolve = Resolve::default();
    resolve
        .push_groups(main, groups)
        .map_err(|error| anyhow!("{}: {error}", wit.display()))?;
    Ok(spelled(&resolve))
}

fn spelled(resolve: &Resolve) -> Packages {
    let exported: Vec<InterfaceId> = resolve
        .worlds
        .iter()
        .flat_map(|(_, world)| world.exports.values())
        .filter_map(|item| match item {
            WorldItem::Interface { id, .. } => Some(*id),
            WorldItem::Function(_) | WorldItem::Type { .. } => None,
        })
        .collect();
    let mut packages = Packages::new();
    for (_, package) in &resolve.packages {
        let items = packages.entry(package.name.to_string()).or_default();
        for (name, id) in &package.interfaces {
            interface(resolve, name, *id, exported.contains(id), items);
        }
        for (name, id) in &package.worlds {
            world(resolve, name, *id, items);
        }
    }
    packages
}

fn interface(
    resolve: &Resolve,
    name: &str,
    id: InterfaceId,
    exported: bool,
    items: &mut BTreeMap<String, Item>,
) {
    let interface = &resolve.interfaces[id];
    for (name_of_type, id) in &interface.types {
        let text = definition(resolve, *id);
        // A type that is added to an interface harms nobody.
        items.insert(
            format!("type {name}.{name_of_type}"),
            Item {
                text,
                exported: false,
            },
        );
    }
    for (name_of_function, function) in &interface.functions {
        let text = signature(resolve, function);
        items.insert(
            format!("function {name}.{name_of_function}"),
            Item { text, exported },
        );
    }
}

fn world(resolve: &Resolve, name: &str, id: WorldId, items: &mut BTreeMap<String, Item>) {
    let world = &resolve.worlds[id];
    for (direction, entries) in [("import", &world.imports), ("export", &world.exports)] {
        for (key, item) in entries {
            let text = match item {
                WorldItem::Interface { .. } => "an interface".to_owned(),
                WorldItem::Function(function) => signature(resolve, function),
                WorldItem::Type { id, .. } => definition(resolve, *id),
            };
            let key = resolve.name_world_key(key);
            let exported = direction == "export";
            items.insert(
                format!("{direction} {key} of world {name}"),
                Item { text, exported },
            );
        }
    }
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params = function
        .params
        .iter()
        .map(|param| format!("{}: {}", param.name, spell(resolve, &param.ty)));
    let result = function
        .result
        .as_ref()
        .map(|ty| format!(" -> {}", spell(resolve, ty)));
    format!(
        "{:?} func({}){}",
        function.kind,
        joined(params),
        result.unwrap_or_default()
    )
}

/// A type as it is used: by its name where it has one.
fn spell(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else {
        return format!("{ty:?}").to_lowercase();
    };
    let found = &resolve.types[*id];
    match (&found.name, found.owner) {
        (Some(name), TypeOwner::Interface(owner)) => {
            let owner = resolve.canonicalized_id_of(owner).unwrap_or_default();
            format!("{owner}.{name}")
        }
        (Some(name), _) => name.clone(),
        (None, _) => definition(resolve, *id),
    }
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let spell = |ty: &Type| spell(resolve, ty);
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), spell);
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            format!(
                "record {{{}}}",
                joined(fields.map(|field| format!("{}: {}", field.name, spell(&field.ty))))
            )
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter();
            format!(
                "variant {{{}}}",
                joined(cases.map(|case| format!("{}({})", case.name, maybe(&case.ty))))
            )
        }
        TypeDefKind::Enum(cases) => {
            format!(
                "enum {{{}}}",
                joined(cases.cases.iter().map(|case| case.name.clone()))
            )
        }
        TypeDefKind::Flags(flags) => {
            format!(
                "flags {{{}}}",
                joined(flags.flags.iter().map(|flag| flag.name.clone()))
            )
        }
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", joined(tuple.types.iter().map(spell))),
        TypeDefKind::Option(ty) => format!("option<{}>", spell(ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err)),
        TypeDefKind::List(ty) => format!("list<{}>", spell(ty)),
        TypeDefKind::Type(ty) => spell(ty),
        // The contract has none of these; should one come, it counts as changed until it is spelled here.
        other => format!("{other:?}"),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASED: &str = "package cx:a@0.1.0;
        interface facts { record point { x: u32 } read: func(at: point) -> result<list<u8>, string>; }
        interface rule { enum answer { yes, no } decide: func() -> answer; }
        world a { import facts; export rule; }";

    fn packages(text: &str) -> Packages {
        let mut resolve = Resolve::default();
        resolve.push_str("a.wit", text).unwrap();
        spelled(&resolve)
    }

    fn wrong(today: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        compare("0.1", &packages(RELEASED), &packages(today), &mut wrong);
        wrong
    }

    #[test]
    fn additions_to_what_plugins_import_are_fine() {
        let more = RELEASED
            .replace(
                "record point",
                "/// New words.\n type metres = u32; more: func(); record point",
            )
            .replace("import facts;", "import facts; import extra;")
            .replace(
                "interface rule",
                "interface extra { new: func(); } interface rule",
            );
        assert_eq!(wrong(&more), Vec::<String>::new());
        assert_eq!(wrong(&RELEASED.replace("0.1.0", "0.2.0")), Vec::<String>::new());
    }

    #[test]
    fn what_breaks_compiled_plugins_is_named() {
        for (from, to, part) in [
            (
                "x: u32",
                "x: u64",
                "type facts.point was record {x: u32} in 0.1 and is record {x: u64}",
            ),
            ("x: u32", "x: u32, y: u32", "type facts.point was"),
            ("yes, no", "yes, no, maybe", "type rule.answer was enum {yes, no}"),
            ("list<u8>", "list<u16>", "function facts.read was"),
            ("at: point", "where: point", "function facts.read was"),
            (
                "decide: func",
                "choose: func",
                "function rule.decide of 0.1 is gone",
            ),
            (
                "decide: func",
                "also: func(); decide: func",
                "function rule.also is new",
            ),
            (
                "import facts;",
                "",
                "import cx:a/facts@0.1.0 of world a of 0.1 is gone",
            ),
            (
                "export rule;",
                "export rule; export facts;",
                "export cx:a/facts@0.1.0 of world a is new",
            ),
        ] {
            let found = wrong(&RELEASED.replace(from, to));
            assert!(
                found.iter().any(|line| line.contains(part)),
                "{from} → {to}: {found:?}"
            );
        }
    }
}
