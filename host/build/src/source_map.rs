//! Where the lines of a bundle come from, in a form that goes into the bundle itself: so a stack names lines of the
//! author's files wherever it is shown, and the host knows nothing of source maps.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::BuildError;

/// What the bundle keeps of its source map; the SDK's `guard.ts` reads it.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Lines {
    /// The author's files, seen from the plugin's folder.
    files: Vec<String>,
    /// By line of the bundle, from 1: column, index of the file, and line there, in threes, where a new one begins.
    lines: BTreeMap<usize, Vec<usize>>,
}

#[derive(Deserialize)]
struct SourceMap {
    sources: Vec<String>,
    mappings: String,
}

/// Puts what the source map beside a bundle says about the author's files at the bundle's end.
pub(crate) fn append(bundle: &Path) -> Result<(), BuildError> {
    let map = bundle.with_extension("js.map");
    let read = |path: &Path| fs::read_to_string(path).map_err(|source| BuildError::file(path, source));
    let wrong = |why: String| BuildError::Component {
        what: map.display().to_string(),
        why,
    };
    let parsed: SourceMap = serde_json::from_str(&read(&map)?).map_err(|error| wrong(error.to_string()))?;
    let lines = lines(&parsed).ok_or_else(|| wrong("no source map of version 3".to_owned()))?;
    let lines = serde_json::to_string(&lines).map_err(|error| wrong(error.to_string()))?;
    let text = format!("{}\nglobalThis.jackfieldLines = {lines};\n", read(bundle)?);
    fs::write(bundle, text).map_err(|source| BuildError::file(bundle, source))
}

fn lines(map: &SourceMap) -> Option<Lines> {
    let mut found = Lines::default();
    // The author's files have a place in `files`, those of packages have none.
    let places: Vec<Option<usize>> = map
        .sources
        .iter()
        .map(|source| {
            let name = source.trim_start_matches("../");
            (!name.contains("node_modules/")).then(|| {
                found.files.push(name.to_owned());
                found.files.len() - 1
            })
        })
        .collect();
    // Each field of a segment is told as the difference to the one before; columns begin anew with each line.
    let (mut source, mut line) = (0, 0);
    for (n, segments) in map.mappings.split(';').enumerate() {
        let mut column = 0;
        let mut known = None;
        for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
            let fields = numbers(segment)?;
            column += fields.first()?;
            let &[_, by_sources, by_lines, ..] = fields.as_slice() else {
                continue;
            };
            source += by_sources;
            line += by_lines;
            let place = *places.get(usize::try_from(source).ok()?)?;
            let place = place.map(|place| (place, line));
            if place != known
                && let Some((file, line)) = place
            {
                let told = found.lines.entry(n + 1).or_default();
                told.extend([
                    usize::try_from(column).ok()?,
                    file,
                    usize::try_from(line).ok()? + 1,
                ]);
            }
            known = place;
        }
    }
    Some(found)
}

/// The numbers of a segment: base 64, five bits a digit, the lowest first, and the lowest bit of a number is its sign.
fn numbers(segment: &str) -> Option<Vec<i64>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut found = Vec::new();
    let (mut number, mut shift) = (0_i64, 0);
    for byte in segment.bytes() {
        let digit = i64::try_from(DIGITS.iter().position(|digit| *digit == byte)?).ok()?;
        number |= (digit & 31).checked_shl(shift)?;
        shift += 5;
        if digit & 32 == 0 {
            let size = number >> 1;
            found.push(if number & 1 == 1 { -size } else { size });
            (number, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_format_writes_them() {
        assert_eq!(numbers("AAAA"), Some(vec![0, 0, 0, 0]));
        assert_eq!(numbers("ACMf"), Some(vec![0, 1, 6, -15]));
        assert_eq!(numbers("gBAAgB,").map(|_| ()), None);
        assert_eq!(numbers("gB"), Some(vec![16]));
        assert_eq!(numbers("g"), None, "cut off");
    }

    #[test]
    fn only_the_authors_lines_are_kept_each_once() {
        let map = SourceMap {
            sources: vec!["../../node_modules/x/a.ts".into(), "../../src/plugin.ts".into()],
            // A line of the package; then the author's lines 1 and 2 in one line; then nothing; then line 2 again.
            mappings: "AAAA;ACAA,IAAI,IACA;;AAAA".into(),
        };
        let lines = lines(&map).unwrap();
        assert_eq!(lines.files, ["src/plugin.ts"]);
        assert_eq!(
            lines.lines,
            BTreeMap::from([(2, vec![0, 0, 1, 8, 0, 2]), (4, vec![0, 0, 2])])
        );
    }
}
