//! What a tenant says about customers in general: its keys, its settings, the attributes that it defines.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_sandbox::PiiClass;
use jackfield_store::{Scan, Space, Store, Tx};
use jackfield_types::{AttributeId, NAME_EXPECTED, OpContext, TenantId, is_name, limits};
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::profile::{AttributeValue, DATE_EXPECTED, check_code, is_date};
use super::recent::Recent;
use super::{CustomerError, Region};
use crate::platform::secret_file;
use crate::segments::Segments;
use crate::tags::{TagLibrary, UndefinedTags};
use crate::tenant::Tenant;
use crate::{StartError, SubmitError};

const SETTINGS: Space = Space::new("customer-settings");
const DEFINITIONS: Space = Space::new("customer-attributes");
/// Shows whether the key in the data folder is the one that the rows were sealed with.
const KEY_CHECK: &str = "key-check";
const SETTINGS_KEY: &str = "settings";

/// How a tenant treats customers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerSettings {
    /// Where numbers that are written without their country are at home: ISO 3166-1 alpha-2.
    pub default_region: Option<String>,
    /// Days after the last contact at which sensitive attributes are taken away; `None`: they are kept.
    pub sensitive_days: Option<u32>,
    /// Days after the last contact at which a customer is erased; `None`: customers are kept.
    pub personal_days: Option<u32>,
    /// What becomes of tags of plugins that the library does not know.
    pub undefined_tags: UndefinedTags,
    /// Purposes for which the tenant contacts customers beside the usual ones; at most 32.
    pub purposes: Vec<String>,
}

/// What an attribute can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttributeKind {
    /// A text of at most 2,048 bytes.
    Text,
    /// A finite number.
    Number,
    /// Yes or no.
    Bool,
    /// A civil date, `YYYY-MM-DD`.
    Date,
    /// One of the options.
    Enum,
}

/// An attribute that customers can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeDefinition {
    /// Its id; it never changes.
    pub id: AttributeId,
    /// For people, 1 to 128 bytes.
    pub label: String,
    /// What it holds; it never changes.
    pub kind: AttributeKind,
    /// How personal it is. A sensitive one is shown to administrators and supervisors, and to no plugin.
    pub class: PiiClass,
    /// Of an `enum`: what can be chosen.
    #[serde(default)]
    pub options: Vec<String>,
}

impl AttributeDefinition {
    fn check(&self) -> Result<(), CustomerError> {
        if !is_name(&self.label) {
            return Err(CustomerError::invalid("label", NAME_EXPECTED));
        }
        let options = match self.kind {
            AttributeKind::Enum => 1..=limits::MAX_ATTRIBUTE_OPTIONS,
            _ => 0..=0,
        };
        let fits = options.contains(&self.options.len()) && self.options.iter().all(|option| is_name(option));
        if fits {
            return Ok(());
        }
        Err(CustomerError::invalid(
            "options",
            format!(
                "expected 1 to {} texts of 1 to 128 bytes for an enum, and none for another type",
                limits::MAX_ATTRIBUTE_OPTIONS
            ),
        ))
    }

    /// A value of this attribute.
    pub(crate) fn accept(&self, value: AttributeValue) -> Result<AttributeValue, CustomerError> {
        let wrong = |expected: &str| {
            Err(CustomerError::invalid(
                format!("attributes.{}", self.id),
                format!("expected {expected}"),
            ))
        };
        match (&self.kind, &value) {
            (AttributeKind::Text, AttributeValue::Text(text)) if text.len() <= limits::MAX_TEXT_BYTES => {
                Ok(value)
            }
            (AttributeKind::Text, _) => wrong("a text of at most 2048 bytes"),
            (AttributeKind::Number, AttributeValue::Number(number)) if number.is_finite() => Ok(value),
            (AttributeKind::Number, _) => wrong("a number"),
            (AttributeKind::Bool, AttributeValue::Bool(_)) => Ok(value),
            (AttributeKind::Bool, _) => wrong("true or false"),
            (AttributeKind::Date, AttributeValue::Text(text)) if is_date(text) => Ok(value),
            (AttributeKind::Date, _) => wrong(&DATE_EXPECTED["expected ".len()..]),
            (AttributeKind::Enum, AttributeValue::Text(text))
                if self.options.iter().any(|option| **option == **text) =>
            {
                Ok(value)
            }
            (AttributeKind::Enum, _) => wrong(&format!("one of {}", self.options.join(", "))),
        }
    }

    /// Whether everybody who sees the customer may see it.
    pub(crate) fn is_open(&self) -> bool {
        self.class < PiiClass::Sensitive
    }

    /// A value as people write it in a table.
    pub(crate) fn read(&self, text: &str) -> Result<AttributeValue, CustomerError> {
        let text = text.trim();
        let value = match self.kind {
            AttributeKind::Number => text.parse().ok().map(AttributeValue::Number),
            AttributeKind::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" | "是" => Some(AttributeValue::Bool(true)),
                "false" | "no" | "0" | "否" => Some(AttributeValue::Bool(false)),
                _ => None,
            },
            _ => None,
        };
        self.accept(value.unwrap_or_else(|| AttributeValue::Text(text.into())))
    }
}

/// The definitions, by id.
pub(crate) type Definitions = BTreeMap<AttributeId, AttributeDefinition>;

/// Requests of one tenant that look through all customers at once; the next wait.
const LOOKING_AT_ONCE: usize = 2;

/// What one tenant holds in memory about customers.
pub(crate) struct CustomerState {
    pub(crate) keys: Keys,
    pub(crate) settings: ArcSwap<CustomerSettings>,
    pub(crate) definitions: ArcSwap<Definitions>,
    pub(crate) tags: TagLibrary,
    pub(crate) segments: Segments,
    pub(crate) recent: Recent,
    /// One change at a time of what segments and attributes say of each other.
    pub(crate) defining: tokio::sync::Mutex<()>,
    /// Turns to look through all customers.
    pub(crate) looking: tokio::sync::Semaphore,
    /// Somebody is due to be tagged.
    pub(crate) tags_due: Arc<tokio::sync::Notify>,
}

impl CustomerState {
    /// Loads it; the tenant's key lies in a file of this folder, which is made at the first start.
    pub(crate) async fn load(store: &Store, tenant: &TenantId, folder: &Path) -> Result<Self, StartError> {
        let ctx = OpContext::system(tenant.clone(), "runtime");
        let path = folder.join(format!("{tenant}.key"));
        let lost = |why: &str| StartError::File {
            path: path.clone(),
            error: std::io::Error::other(why.to_owned()),
        };
        let known = store.get(&ctx, SETTINGS, KEY_CHECK.as_bytes()).await?;
        if known.is_some() && !path.exists() {
            return Err(lost(
                "the key of the tenant's customers is missing; restore the file, without it they can't be read",
            ));
        }
        std::fs::create_dir_all(folder).map_err(|error| StartError::File {
            path: folder.to_owned(),
            error,
        })?;
        let keys = Keys::new(tenant, &secret_file(&path)?).map_err(|_| lost("no key can be made of it"))?;
        let check = keys.blind("check", tenant.as_str());
        match known {
            None => {
                let tx = Tx::new().put(SETTINGS, KEY_CHECK, check);
                store.commit(&ctx, tx).await?;
            }
            Some(row) if row.value == check => {}
            Some(_) => {
                return Err(lost(
                    "not the key that the tenant's customers were kept with; restore the file",
                ));
            }
        }
        let record = |what: &str| {
            let what = what.to_owned();
            move |error| StartError::Record { what, error }
        };
        let settings = match store.get(&ctx, SETTINGS, SETTINGS_KEY.as_bytes()).await? {
            Some(row) => serde_json::from_slice(&row.value).map_err(record("customer settings"))?,
            None => CustomerSettings::default(),
        };
        let mut definitions = Definitions::new();
        for row in store.scan(&ctx, DEFINITIONS, Scan::all()).await?.rows {
            let found: AttributeDefinition =
                serde_json::from_slice(&row.value).map_err(record("an attribute of customers"))?;
            definitions.insert(found.id.clone(), found);
        }
        let state = Self {
            keys,
            settings: ArcSwap::from_pointee(settings),
            definitions: ArcSwap::from_pointee(definitions),
            tags: TagLibrary::load(store, &ctx).await?,
            segments: Segments::default(),
            recent: Recent::default(),
            defining: tokio::sync::Mutex::default(),
            looking: tokio::sync::Semaphore::new(LOOKING_AT_ONCE),
            tags_due: Arc::default(),
        };
        Segments::load(store, &ctx, &state).await?;
        Ok(state)
    }

    /// Puts definitions in force.
    fn define(&self, definitions: Definitions) {
        self.segments.read_again(&definitions);
        self.definitions.store(Arc::new(definitions));
    }

    pub(crate) fn region(&self) -> Option<Region> {
        let settings = self.settings.load();
        settings
            .default_region
            .as_deref()
            .and_then(|region| Region::new(region).ok())
    }

    /// Checks attributes against their definitions.
    pub(crate) fn accept(
        &self,
        attributes: BTreeMap<AttributeId, Option<AttributeValue>>,
    ) -> Result<BTreeMap<AttributeId, Option<AttributeValue>>, CustomerError> {
        let definitions = self.definitions.load();
        attributes
            .into_iter()
            .map(|(id, value)| {
                let definition = definitions.get(&id).ok_or_else(|| {
                    CustomerError::invalid(
                        format!("attributes.{id}"),
                        "there is no such attribute; define it first, or look for another spelling",
                    )
                })?;
                let value = value.map(|value| definition.accept(value)).transpose()?;
                Ok((id, value))
            })
            .collect()
    }

    /// Whether everybody who sees the customer may see the attribute. One that is no longer defined is as sensitive as any.
    pub(crate) fn is_open(&self, id: &AttributeId) -> bool {
        let definitions = self.definitions.load();
        definitions.get(id).is_some_and(AttributeDefinition::is_open)
    }
}

impl Tenant {
    /// How the tenant treats customers.
    pub fn customer_settings(&self) -> CustomerSettings {
        (**self.inner.customers.settings.load()).clone()
    }

    /// Sets how the tenant treats customers.
    pub async fn put_customer_settings(
        &self,
        ctx: &OpContext,
        settings: CustomerSettings,
    ) -> Result<(), CustomerError> {
        if let Some(region) = &settings.default_region {
            Region::new(region)?;
        }
        for (field, days) in [
            ("sensitive_days", settings.sensitive_days),
            ("personal_days", settings.personal_days),
        ] {
            if days.is_some_and(|days| !(1..=36_500).contains(&days)) {
                return Err(CustomerError::invalid(field, "expected 1 to 36500 days"));
            }
        }
        if settings.purposes.len() > limits::MAX_PURPOSES {
            return Err(CustomerError::invalid(
                "purposes",
                format!("expected at most {}", limits::MAX_PURPOSES),
            ));
        }
        for purpose in &settings.purposes {
            check_code("purposes", purpose)?;
        }
        let tx = Tx::new().put(SETTINGS, SETTINGS_KEY, json(&settings)?);
        self.store().commit(ctx, tx).await?;
        self.inner.customers.settings.store(Arc::new(settings));
        Ok(())
    }

    /// The attributes that customers can have, by id.
    pub fn attribute_definitions(&self) -> Vec<AttributeDefinition> {
        self.inner
            .customers
            .definitions
            .load()
            .values()
            .cloned()
            .collect()
    }

    /// Defines an attribute, or changes its label, options or class. What it holds never changes, since values of it may be
    /// kept.
    ///
    /// # Errors
    /// When a field is wrong, or there are as many as may be; [`CustomerError::Conflict`] when it holds something else, or a
    /// segment could not ask for it any more.
    pub async fn put_attribute_definition(
        &self,
        ctx: &OpContext,
        definition: AttributeDefinition,
    ) -> Result<(), CustomerError> {
        definition.check()?;
        let _turn = self.inner.customers.defining.lock().await;
        let known = self.inner.customers.definitions.load_full();
        match known.get(&definition.id) {
            Some(before) if before.kind != definition.kind => {
                return Err(CustomerError::Conflict(format!(
                    "attribute {} is of another type, which never changes; define another one",
                    definition.id
                )));
            }
            None if known.len() >= limits::MAX_ATTRIBUTE_DEFINITIONS => {
                return Err(CustomerError::TooMany {
                    what: "attributes of customers",
                    most: limits::MAX_ATTRIBUTE_DEFINITIONS,
                });
            }
            _ => {}
        }
        let mut changed = Definitions::clone(&known);
        changed.insert(definition.id.clone(), definition.clone());
        self.inner.customers.segments.check(&definition.id, &changed)?;
        let tx = Tx::new().put(DEFINITIONS, definition.id.as_str(), json(&definition)?);
        self.store().commit(ctx, tx).await?;
        self.inner.customers.define(changed);
        Ok(())
    }

    /// Takes a definition away. Values that customers have stay until they are erased, and count as sensitive.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is none; [`CustomerError::Conflict`] while a segment asks for it.
    pub async fn remove_attribute_definition(
        &self,
        ctx: &OpContext,
        id: &AttributeId,
    ) -> Result<(), CustomerError> {
        let _turn = self.inner.customers.defining.lock().await;
        let mut left = Definitions::clone(&self.inner.customers.definitions.load());
        if left.remove(id).is_none() {
            return Err(CustomerError::unknown("attribute", id));
        }
        self.inner.customers.segments.check(id, &left)?;
        let tx = Tx::new().delete(DEFINITIONS, id.as_str());
        self.store().commit(ctx, tx).await?;
        self.inner.customers.define(left);
        Ok(())
    }
}

pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, SubmitError> {
    serde_json::to_vec(value).map_err(|error| SubmitError::Unavailable(error.to_string()))
}
