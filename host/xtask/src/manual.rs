//! `cargo xtask manual`: writes the reference manual.

use std::fs;

use anyhow::Result;
use jackfield_build::manual;

use crate::workspace;

pub(crate) fn main() -> Result<()> {
    let folder = workspace::root().join(manual::FOLDER);
    fs::create_dir_all(&folder)?;
    for page in manual::pages(workspace::root())? {
        let path = folder.join(&page.name);
        if fs::read_to_string(&path).is_ok_and(|found| found == page.text) {
            continue;
        }
        fs::write(&path, &page.text)?;
        println!("{}", path.display());
    }
    Ok(())
}
