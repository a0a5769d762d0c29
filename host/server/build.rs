//! Puts `sdk/` and `wit/` into the binary, for `jackfield plugin new`: templates of all languages, and the SDK itself
//! for who works outside of a checkout.

use std::{env, error::Error, fmt::Write, fs, path::Path};

/// Folders of what was built or fetched.
const PASSED_OVER: [&str; 5] = ["target", "node_modules", "__pycache__", "dist", "build"];
/// Frozen copies of released contracts are for the host alone.
const FROZEN: &str = "wit/0.1";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?)
        .join("../..")
        .canonicalize()?;
    let mut list = String::from("&[\n");
    for folder in ["sdk", "wit"] {
        walk(&root, folder, &mut list)?;
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("sdk.rs"), list)?;
    Ok(())
}

fn walk(root: &Path, folder: &str, list: &mut String) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", root.join(folder).display());
    let mut entries = fs::read_dir(root.join(folder))?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| format!("{name:?}: no UTF-8"))?;
        let path = format!("{folder}/{name}");
        let kind = entry.file_type()?;
        if name.starts_with('.') || path == FROZEN {
            continue;
        }
        if kind.is_dir() && !PASSED_OVER.contains(&name.as_str()) {
            walk(root, &path, list)?;
        } else if kind.is_file() && name != "Cargo.lock" {
            writeln!(list, "    ({path:?}, include_bytes!({:?})),", root.join(&path))?;
        }
    }
    Ok(())
}
