//! The reference manual: Markdown out of `wit/`, the ceilings and limits of the code, and the templates, whose tests
//! compile and run what is shown. `cargo xtask manual` writes it.

mod errors;
mod examples;
mod kind;
mod limits;
mod overview;
mod words;

use std::path::Path;

use jackfield_types::PluginKind;

use crate::{BuildError, contract};
use words::Contract;

/// Where the pages lie in the repository.
pub const FOLDER: &str = "sdk/docs/reference";

/// A page of the manual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The file's name.
    pub name: String,
    /// Its Markdown.
    pub text: String,
}

/// Packages that are no kind's own, in the order in which one reads them.
const SHARED: [&str; 7] = ["types", "host", "call", "chat", "profile", "scoring", "knowledge"];

/// All pages, with the templates of a checkout. What was measured (`costs.md`) is not among them.
///
/// # Errors
/// When a file of the checkout can't be read.
pub fn pages(root: &Path) -> Result<Vec<Page>, BuildError> {
    let resolve = contract::resolved()?;
    let contract = Contract::new(&resolve);
    let mut pages = vec![Page {
        name: "README.md".to_owned(),
        text: overview::page(&contract),
    }];
    for kind in PluginKind::ALL {
        pages.push(Page {
            name: format!("{kind}.md"),
            text: kind::page(&contract, kind, root)?,
        });
    }
    for package in SHARED {
        pages.push(Page {
            name: format!("{package}.md"),
            text: kind::shared(&contract, package),
        });
    }
    pages.push(Page {
        name: "limits.md".to_owned(),
        text: limits::page(),
    });
    pages.push(Page {
        name: "errors.md".to_owned(),
        text: errors::page(),
    });
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
    }

    #[test]
    fn what_is_committed_is_what_is_rendered() {
        for page in pages(root()).unwrap() {
            let committed = fs::read_to_string(root().join(FOLDER).join(&page.name)).unwrap_or_default();
            assert!(committed == page.text, "{}: run `cargo xtask manual`", page.name);
        }
    }

    /// A heading's anchor as Markdown renderers make it.
    fn anchor(heading: &str) -> String {
        heading
            .to_lowercase()
            .chars()
            .filter_map(|letter| match letter {
                ' ' => Some('-'),
                letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_link_leads_somewhere_and_no_anchor_is_there_twice() {
        let pages = pages(root()).unwrap();
        let mut known = BTreeSet::from(["costs.md".to_owned(), "../cases.md".to_owned()]);
        for page in &pages {
            known.insert(page.name.clone());
            let mut code = false;
            for line in page.text.lines() {
                code ^= line.starts_with("```");
                if let Some(heading) = line.strip_prefix('#').filter(|_| !code) {
                    let anchor = format!("{}#{}", page.name, anchor(heading.trim_start_matches('#').trim()));
                    assert!(known.insert(anchor.clone()), "{anchor} is there twice");
                }
            }
        }
        for page in &pages {
            for part in page.text.split("](").skip(1) {
                let target = part.split(')').next().unwrap();
                if target.starts_with("https://") {
                    continue;
                }
                let target = if target.starts_with('#') {
                    format!("{}{target}", page.name)
                } else {
                    target.to_owned()
                };
                assert!(known.contains(&target), "{}: {target}", page.name);
            }
        }
    }

    #[test]
    fn everything_of_the_contract_is_there_with_words_about_it() {
        let resolve = contract::resolved().unwrap();
        let all: String = pages(root()).unwrap().into_iter().map(|page| page.text).collect();
        for (id, interface) in resolve.interfaces.iter() {
            let full = resolve.id_of(id).unwrap();
            assert!(all.contains(&full), "{full}");
            for (name, function) in &interface.functions {
                let own = interface.name.as_deref().unwrap_or_default();
                let titles = [format!("function {name}\n"), format!("function {own}.{name}\n")];
                assert!(titles.iter().any(|title| all.contains(title)), "{full}: {name}");
                assert!(function.docs.contents.is_some(), "{full}: {name} has no words");
            }
            for (name, id) in &interface.types {
                let here = format!(" {name}\n");
                assert!(all.contains(&here), "{full}: {name}");
                let _ = id;
            }
        }
    }
}
