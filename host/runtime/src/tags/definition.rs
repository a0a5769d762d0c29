//! The tenant's tag library: what tags there are, what they mean, and who may give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_store::{Scan, Space, Store, Tx};
use jackfield_types::{NAME_EXPECTED, OpContext, Timestamp, is_name, limits};
use serde::{Deserialize, Serialize};

use super::SEGMENT_PREFIX;
use crate::customers::{CustomerError, json};
use crate::tenant::Tenant;
use crate::{StartError, clock};

const TAGS: Space = Space::new("tags");
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Who gives a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagKind {
    /// People alone; what a plugin says of it is left out.
    Manual,
    /// Plugins, and people too: what a person has set no plugin changes.
    Generated,
}

/// What happens with a tag of a plugin that the library does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndefinedTags {
    /// It is kept, under its own name, as long as the plugin says.
    #[default]
    Keep,
    /// It is left out, and the timeline says so.
    Refuse,
}

/// What a tag is called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TagTitles {
    /// In Chinese, 1 to 128 bytes.
    pub zh: Option<Arc<str>>,
    /// In English, 1 to 128 bytes.
    pub en: Option<Arc<str>>,
}

/// A colour as `#rrggbb`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TagColour(Arc<str>);

impl TagColour {
    /// Reads `#rrggbb`.
    ///
    /// # Errors
    /// When it is written otherwise.
    pub fn new(text: &str) -> Result<Self, CustomerError> {
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits {
            Some(_) => Ok(Self(text.to_ascii_lowercase().into())),
            None => Err(CustomerError::invalid(
                "colour",
                format!("{text:.32?}: expected #rrggbb"),
            )),
        }
    }

    /// The text, for example `#1a7f37`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tag of the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagDefinition {
    /// Its name, by which plugins and people set it: 1 to 64 bytes; it never changes.
    pub name: Arc<str>,
    /// What it is called.
    pub title: TagTitles,
    /// What it means and when it is given, at most 2,048 bytes.
    pub description: Option<Arc<str>>,
    /// Who answers for it, 1 to 64 bytes.
    pub owner: Option<Arc<str>>,
    /// Who gives it.
    pub kind: TagKind,
    /// Days after which it ends, counted from when it was last set or refreshed, 1 to 3,650; `None`: as long as whoever sets
    /// it says.
    pub lifetime_days: Option<u32>,
    /// How it is highlighted on the profile card.
    pub colour: Option<TagColour>,
    /// In which zone of the profile card it stands, 1 to 64 bytes.
    pub zone: Option<Arc<str>>,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

impl TagDefinition {
    fn check(&self) -> Result<(), CustomerError> {
        check_tag_name(&self.name)?;
        for (field, title) in [("title.zh", &self.title.zh), ("title.en", &self.title.en)] {
            if title.as_deref().is_some_and(|title| !is_name(title)) {
                return Err(CustomerError::invalid(field, NAME_EXPECTED));
            }
        }
        for (field, code) in [("owner", &self.owner), ("zone", &self.zone)] {
            if let Some(code) = code {
                crate::customers::check_code(field, code)?;
            }
        }
        if let Some(text) = &self.description {
            crate::customers::check_text("description", text)?;
        }
        if self
            .lifetime_days
            .is_some_and(|days| !(1..=3_650).contains(&days))
        {
            return Err(CustomerError::invalid("lifetime_days", "expected 1 to 3650 days"));
        }
        Ok(())
    }

    /// When a tag that is set now ends: what was wished, within the lifetime.
    pub(crate) fn ends(&self, now: Timestamp, wished: Option<Timestamp>) -> Option<Timestamp> {
        let most = self.lifetime_days.map(|days| now + u64::from(days) * DAY_MS);
        match (wished, most) {
            (Some(wished), Some(most)) => Some(wished.min(most)),
            (one, other) => one.or(other),
        }
    }
}

/// Whether something can be the name of a tag that is set.
pub(crate) fn check_tag_name(name: &str) -> Result<(), CustomerError> {
    let fits = is_name(name)
        && name.len() <= limits::MAX_CODE_BYTES
        && name.trim() == name
        && !name.contains('/')
        && !name.starts_with(SEGMENT_PREFIX);
    if fits {
        return Ok(());
    }
    Err(CustomerError::invalid(
        "tag",
        format!(
            "{name:.80?}: expected 1 to 64 bytes without control characters, slash or blanks around, not beginning with {SEGMENT_PREFIX}"
        ),
    ))
}

/// The library as one tenant holds it in memory, by name.
pub(crate) struct TagLibrary(ArcSwap<BTreeMap<Arc<str>, TagDefinition>>);

impl TagLibrary {
    pub(crate) async fn load(store: &Store, ctx: &OpContext) -> Result<Self, StartError> {
        let mut all = BTreeMap::new();
        let scan = Scan::all().limit(limits::MAX_TAG_DEFINITIONS);
        for row in store.scan(ctx, TAGS, scan).await?.rows {
            let record = |error| StartError::Record {
                what: "a tag of the library".into(),
                error,
            };
            let found: TagDefinition = serde_json::from_slice(&row.value).map_err(record)?;
            all.insert(found.name.clone(), found);
        }
        Ok(Self(ArcSwap::from_pointee(all)))
    }

    pub(crate) fn get(&self, name: &str) -> Option<TagDefinition> {
        self.0.load().get(name).cloned()
    }

    pub(crate) fn all(&self) -> Arc<BTreeMap<Arc<str>, TagDefinition>> {
        self.0.load_full()
    }

    fn change(&self, change: impl Fn(&mut BTreeMap<Arc<str>, TagDefinition>)) {
        self.0.rcu(|known| {
            let mut known = BTreeMap::clone(known);
            change(&mut known);
            known
        });
    }
}

impl Tenant {
    /// The tags of the library, by name.
    pub fn tag_definitions(&self) -> Vec<TagDefinition> {
        self.inner.customers.tags.all().values().cloned().collect()
    }

    /// One tag of the library.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is none.
    pub fn tag_definition(&self, name: &str) -> Result<TagDefinition, CustomerError> {
        let found = self.inner.customers.tags.get(name);
        found.ok_or_else(|| CustomerError::unknown("tag", name))
    }

    /// Defines a tag, or changes what is said of it. Customers who have it keep it as it is; a new lifetime counts from when
    /// it is next set or refreshed.
    ///
    /// # Errors
    /// When a field is wrong, or there are as many as may be.
    pub async fn put_tag_definition(
        &self,
        ctx: &OpContext,
        definition: TagDefinition,
    ) -> Result<TagDefinition, CustomerError> {
        definition.check()?;
        let library = &self.inner.customers.tags;
        let known = library.all();
        if !known.contains_key(&definition.name) && known.len() >= limits::MAX_TAG_DEFINITIONS {
            return Err(CustomerError::TooMany {
                what: "tags of the library",
                most: limits::MAX_TAG_DEFINITIONS,
            });
        }
        let definition = TagDefinition {
            changed_at: clock::now(),
            ..definition
        };
        let tx = Tx::new().put(TAGS, &*definition.name, json(&definition)?);
        self.store().commit(ctx, tx).await?;
        library.change(|known| {
            known.insert(definition.name.clone(), definition.clone());
        });
        Ok(definition)
    }

    /// Takes a tag out of the library. Customers who have it keep it until it ends or is taken away.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is none.
    pub async fn remove_tag_definition(&self, ctx: &OpContext, name: &str) -> Result<(), CustomerError> {
        self.tag_definition(name)?;
        self.store().commit(ctx, Tx::new().delete(TAGS, name)).await?;
        self.inner.customers.tags.change(|known| {
            known.remove(name);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vip(lifetime_days: Option<u32>) -> TagDefinition {
        TagDefinition {
            name: "vip".into(),
            title: TagTitles {
                zh: Some("贵宾".into()),
                en: None,
            },
            description: None,
            owner: None,
            kind: TagKind::Generated,
            lifetime_days,
            colour: None,
            zone: None,
            changed_at: Timestamp(0),
        }
    }

    #[test]
    fn a_tag_ends_at_what_comes_first() {
        let (now, day) = (Timestamp(1_000), DAY_MS);
        for (lifetime, wished, ends) in [
            (None, None, None),
            (None, Some(5), Some(5)),
            (Some(1), None, Some(1_000 + day)),
            (Some(1), Some(2_000), Some(2_000)),
            (Some(1), Some(3 * day), Some(1_000 + day)),
        ] {
            let found = vip(lifetime).ends(now, wished.map(Timestamp));
            assert_eq!(found, ends.map(Timestamp), "{lifetime:?} {wished:?}");
        }
    }

    #[test]
    fn names_and_fields_are_checked() {
        assert!(vip(Some(1)).check().is_ok());
        for name in ["", " vip", "a/b", "segment:x", &"n".repeat(65), "a\nb"] {
            assert!(check_tag_name(name).is_err(), "{name:?}");
        }
        assert!(check_tag_name("兴趣:宽带").is_ok());
        for days in [0, 3_651] {
            let error = vip(Some(days)).check().unwrap_err().to_string();
            assert!(error.starts_with("lifetime_days"), "{error}");
        }
        assert!(TagColour::new("#GG0000").is_err());
        assert_eq!(TagColour::new("#AA00ff").unwrap().as_str(), "#aa00ff");
    }
}
