//! Marks of this crate's sources, one for each language whose builds are kept: what was built is built anew when it is built
//! otherwise.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

/// The sources of a language. What is nobody's here is everybody's.
const LANGUAGES: [(&str, &[&str]); 3] = [
    (
        "js",
        &[
            "src/js.rs",
            "src/table.rs",
            "src/typescript.rs",
            "src/source_map.rs",
        ],
    ),
    ("python", &["src/python.rs", "src/check.py"]),
    // It takes the forms of names from TypeScript's.
    ("go", &["src/go", "src/typescript.rs"]),
];
/// What goes into no build that is kept.
const OTHERS: [&str; 3] = ["src/manual", "src/rust.rs", "src/c.rs"];

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for (language, own) in LANGUAGES {
        let mut hasher = DefaultHasher::new();
        // The versions of what makes bindings and components.
        fs::read("Cargo.toml")?.hash(&mut hasher);
        hash(Path::new("src"), own, &mut hasher)?;
        fs::write(out.join(language), format!("{:016x}", hasher.finish()))?;
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.toml");
    Ok(())
}

fn hash(folder: &Path, own: &[&str], hasher: &mut DefaultHasher) -> io::Result<()> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let is = |path: &Path, names: &[&str]| names.iter().any(|name| path == Path::new(name));
    for path in paths {
        let of_another = OTHERS
            .iter()
            .copied()
            .chain(LANGUAGES.iter().flat_map(|(_, files)| files.iter().copied()));
        if !is(&path, own) && is(&path, &of_another.collect::<Vec<_>>()) {
            continue;
        }
        if path.is_dir() {
            hash(&path, own, hasher)?;
        } else {
            fs::read(path)?.hash(hasher);
        }
    }
    Ok(())
}
