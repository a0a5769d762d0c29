//! What a tenant says about cases in general: categories, outlets, and where links may lead.

use std::sync::Arc;

use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{CaseOwner, CategoryId, NAME_EXPECTED, OpContext, OutletId, is_name, limits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::CASE_INDEX;
use super::case::EscalationStep;
use crate::customers::{CustomerError, json};
use crate::history::decode;
use crate::tenant::Tenant;

pub(crate) const CATEGORIES: Space = Space::new("case-categories");
const OUTLETS: Space = Space::new("outlets");
const LINKS: Space = Space::new("link-settings");
const LINKS_KEY: &str = "settings";

/// A category of cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCategory {
    /// Its id; it never changes.
    pub id: CategoryId,
    /// What customers and people are shown in Chinese, 1 to 128 bytes.
    pub title_zh: String,
    /// The same in English.
    pub title_en: String,
    /// How long it takes, as a customer is promised: milliseconds after the opening.
    pub promise_ms: u64,
    /// So long before the promised moment the owner is reminded; `None`: never.
    pub remind_before_ms: Option<u64>,
    /// Who sees to a case when nobody is named.
    pub owner: Option<CaseOwner>,
    /// To whom a case goes after a promise is broken, by time.
    pub escalation: Vec<EscalationStep>,
}

/// A shop, a branch, a workshop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlet {
    /// Its id; it never changes.
    pub id: OutletId,
    /// What it is called, 1 to 128 bytes.
    pub name: String,
    /// Where it is, at most 512 bytes.
    pub address: Option<String>,
    /// Its telephone, as people write it, at most 64 bytes.
    pub telephone: Option<String>,
}

/// Where links for customers begin, and where they may lead.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkSettings {
    /// Where customers reach this server: `https://HOST`, without a path. `None`: as whoever asks for a link does.
    pub public_url: Option<String>,
    /// Hosts to which links for remote assistance may lead; `*.HOST` for all below one.
    pub assistance_hosts: Vec<String>,
}

impl CaseCategory {
    fn check(&self) -> Result<(), CustomerError> {
        for (field, title) in [("title_zh", &self.title_zh), ("title_en", &self.title_en)] {
            if !is_name(title) {
                return Err(CustomerError::invalid(field, NAME_EXPECTED));
            }
        }
        if !(1..=limits::MAX_PROMISE_MS).contains(&self.promise_ms) {
            let most = limits::MAX_PROMISE_MS;
            return Err(CustomerError::invalid(
                "promise_ms",
                format!("expected 1 to {most} ms"),
            ));
        }
        if self
            .remind_before_ms
            .is_some_and(|before| !(1..self.promise_ms).contains(&before))
        {
            return Err(CustomerError::invalid(
                "remind_before_ms",
                "expected 1 ms and more, and less than promise_ms",
            ));
        }
        let steps = &self.escalation;
        let in_order = steps.windows(2).all(|two| two[0].after_ms < two[1].after_ms);
        let in_range = steps.iter().all(|step| step.after_ms <= limits::MAX_PROMISE_MS);
        if steps.len() > limits::MAX_ESCALATION_STEPS || !in_order || !in_range {
            return Err(CustomerError::invalid(
                "escalation",
                format!(
                    "expected at most {} steps, each with a larger after_ms than the one before",
                    limits::MAX_ESCALATION_STEPS
                ),
            ));
        }
        Ok(())
    }
}

/// Bytes of a host's name.
const MAX_HOST_BYTES: usize = 253;

impl LinkSettings {
    /// Whether a link for remote assistance may lead to a host.
    pub(crate) fn allows(&self, host: &str) -> bool {
        self.assistance_hosts
            .iter()
            .any(|allowed| match allowed.strip_prefix("*.") {
                Some(above) => host.strip_suffix(above).is_some_and(|below| below.ends_with('.')),
                None => allowed == host,
            })
    }

    fn check(&mut self) -> Result<(), CustomerError> {
        if let Some(text) = &self.public_url {
            let known = url::Url::parse(text).ok().filter(|url| {
                url.host_str().is_some_and(|host| host.len() <= MAX_HOST_BYTES)
                    && matches!(url.scheme(), "https" | "http")
                    && matches!(url.path(), "" | "/")
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
            });
            let url = known.ok_or_else(|| {
                CustomerError::invalid(
                    "public_url",
                    "expected https://HOST, without a path, for example https://cx.example",
                )
            })?;
            self.public_url = Some(url.origin().ascii_serialization());
        }
        if self.assistance_hosts.len() > limits::MAX_ASSISTANCE_HOSTS {
            return Err(CustomerError::TooMany {
                what: "assistance_hosts",
                most: limits::MAX_ASSISTANCE_HOSTS,
            });
        }
        for (n, host) in self.assistance_hosts.iter_mut().enumerate() {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let wild = name.len() < host.len();
            let known = match url::Host::parse(name) {
                Ok(url::Host::Domain(known))
                    if known.len() <= MAX_HOST_BYTES
                        && !known.contains('*')
                        && (known.contains('.') || !wild) =>
                {
                    known
                }
                Ok(known @ (url::Host::Ipv4(_) | url::Host::Ipv6(_))) if !wild => known.to_string(),
                _ => {
                    return Err(CustomerError::invalid(
                        format!("assistance_hosts[{n}]"),
                        "expected a host, for example help.example, or *.example.com for all below it",
                    ));
                }
            };
            *host = if wild { format!("*.{known}") } else { known };
        }
        Ok(())
    }
}

impl Tenant {
    /// The categories of cases, by id.
    pub async fn case_categories(&self, ctx: &OpContext) -> Result<Vec<CaseCategory>, CustomerError> {
        self.all_of(ctx, CATEGORIES, limits::MAX_CASE_CATEGORIES).await
    }

    /// One category.
    ///
    /// # Errors
    /// `Unknown` when there is none.
    pub async fn case_category(
        &self,
        ctx: &OpContext,
        id: &CategoryId,
    ) -> Result<CaseCategory, CustomerError> {
        self.one_of(ctx, CATEGORIES, "case-category", id.as_str()).await
    }

    /// Makes a category, or changes it. Cases that are open keep the reminders and escalation that they were opened with.
    ///
    /// # Errors
    /// When a field is wrong, or names an agent, queue or outlet that there is not.
    pub async fn put_case_category(
        &self,
        ctx: &OpContext,
        category: CaseCategory,
    ) -> Result<(), CustomerError> {
        category.check()?;
        if let Some(owner) = &category.owner {
            self.check_owner(ctx, "owner", owner).await?;
        }
        for (n, step) in category.escalation.iter().enumerate() {
            self.check_owner(ctx, &format!("escalation[{n}].to"), &step.to)
                .await?;
        }
        let (id, most) = (category.id.clone(), limits::MAX_CASE_CATEGORIES);
        self.keep_in(
            ctx,
            CATEGORIES,
            "categories of cases",
            most,
            id.as_str(),
            json(&category)?,
        )
        .await
    }

    /// Removes a category.
    ///
    /// # Errors
    /// `Conflict` while cases of it are not settled.
    pub async fn remove_case_category(&self, ctx: &OpContext, id: &CategoryId) -> Result<(), CustomerError> {
        self.case_category(ctx, id).await?;
        self.remove_from(ctx, CATEGORIES, id.as_str(), &format!("category {id} "))
            .await
    }

    /// The outlets, by id.
    pub async fn outlets(&self, ctx: &OpContext) -> Result<Vec<Outlet>, CustomerError> {
        self.all_of(ctx, OUTLETS, limits::MAX_OUTLETS).await
    }

    /// One outlet.
    ///
    /// # Errors
    /// `Unknown` when there is none.
    pub async fn outlet(&self, ctx: &OpContext, id: &OutletId) -> Result<Outlet, CustomerError> {
        self.one_of(ctx, OUTLETS, "outlet", id.as_str()).await
    }

    /// Makes an outlet, or changes it.
    pub async fn put_outlet(&self, ctx: &OpContext, outlet: Outlet) -> Result<(), CustomerError> {
        if !is_name(&outlet.name) {
            return Err(CustomerError::invalid("name", NAME_EXPECTED));
        }
        for (field, text, most) in [
            ("address", &outlet.address, 512),
            ("telephone", &outlet.telephone, 64),
        ] {
            let is_line = |text: &String| {
                !text.trim().is_empty() && text.len() <= most && !text.chars().any(char::is_control)
            };
            if !text.as_ref().is_none_or(is_line) {
                return Err(CustomerError::invalid(
                    field,
                    format!("expected a line of 1 to {most} bytes"),
                ));
            }
        }
        let id = outlet.id.clone();
        self.keep_in(
            ctx,
            OUTLETS,
            "outlets",
            limits::MAX_OUTLETS,
            id.as_str(),
            json(&outlet)?,
        )
        .await
    }

    /// Removes an outlet.
    ///
    /// # Errors
    /// `Conflict` while it has cases to see to.
    pub async fn remove_outlet(&self, ctx: &OpContext, id: &OutletId) -> Result<(), CustomerError> {
        self.outlet(ctx, id).await?;
        self.remove_from(ctx, OUTLETS, id.as_str(), &format!("owner outlet:{id} "))
            .await
    }

    /// Where links for customers begin, and where they may lead.
    pub async fn link_settings(&self, ctx: &OpContext) -> Result<LinkSettings, CustomerError> {
        let row = self.store().get(ctx, LINKS, LINKS_KEY.as_bytes()).await?;
        Ok(row.map(|row| decode(&row.value)).transpose()?.unwrap_or_default())
    }

    /// Sets that; answers it in its one spelling.
    pub async fn put_link_settings(
        &self,
        ctx: &OpContext,
        mut settings: LinkSettings,
    ) -> Result<LinkSettings, CustomerError> {
        settings.check()?;
        let tx = Tx::new().put(LINKS, LINKS_KEY, json(&settings)?);
        self.store().commit(ctx, tx).await?;
        Ok(settings)
    }

    /// That there is somebody who could see to a case.
    pub(crate) async fn check_owner(
        &self,
        ctx: &OpContext,
        field: &str,
        owner: &CaseOwner,
    ) -> Result<(), CustomerError> {
        let wanted = owner.clone();
        let known = match owner {
            CaseOwner::Outlet(outlet) => match self.outlet(ctx, outlet).await {
                Ok(_) => true,
                Err(CustomerError::Unknown { .. }) => false,
                Err(error) => return Err(error),
            },
            CaseOwner::Agent(_) | CaseOwner::Queue(_) => {
                self.read(move |centre| match &wanted {
                    CaseOwner::Agent(agent) => centre.agent(agent).is_some(),
                    CaseOwner::Queue(queue) => centre.queue(queue).is_some(),
                    CaseOwner::Outlet(_) => false,
                })
                .await?
            }
        };
        if known {
            return Ok(());
        }
        Err(CustomerError::invalid(
            field,
            format!("there is no {owner}; make it first, or look for another spelling"),
        ))
    }

    async fn all_of<T: DeserializeOwned>(
        &self,
        ctx: &OpContext,
        space: Space,
        most: usize,
    ) -> Result<Vec<T>, CustomerError> {
        let page = self.store().scan(ctx, space, Scan::all().limit(most)).await?;
        let items = page.rows.iter().map(|row| Ok(decode(&row.value)?));
        items.collect()
    }

    async fn one_of<T: DeserializeOwned>(
        &self,
        ctx: &OpContext,
        space: Space,
        kind: &'static str,
        id: &str,
    ) -> Result<T, CustomerError> {
        let row = self.store().get(ctx, space, id.as_bytes()).await?;
        let row = row.ok_or_else(|| CustomerError::unknown(kind, id))?;
        Ok(decode(&row.value)?)
    }

    async fn keep_in(
        &self,
        ctx: &OpContext,
        space: Space,
        what: &'static str,
        most: usize,
        id: &str,
        row: Vec<u8>,
    ) -> Result<(), CustomerError> {
        // So that two at once don't both find room for one.
        let _one_at_a_time = self.inner.cases.directory.lock().await;
        let known = self.store().get(ctx, space, id.as_bytes()).await?.is_some();
        if !known
            && self
                .store()
                .scan(ctx, space, Scan::all().limit(most))
                .await?
                .rows
                .len()
                >= most
        {
            return Err(CustomerError::TooMany { what, most });
        }
        self.store().commit(ctx, Tx::new().put(space, id, row)).await?;
        Ok(())
    }

    async fn remove_from(
        &self,
        ctx: &OpContext,
        space: Space,
        id: &str,
        used: &str,
    ) -> Result<(), CustomerError> {
        let scan = Scan::prefix(used).limit(1);
        if !self.store().scan(ctx, CASE_INDEX, scan).await?.rows.is_empty() {
            return Err(CustomerError::Conflict(format!(
                "{id} has cases that are not settled: settle them or hand them over first"
            )));
        }
        self.store().commit(ctx, Tx::new().delete(space, id)).await?;
        Ok(())
    }
}

/// What a tenant holds in memory about cases.
#[derive(Default)]
pub(crate) struct CaseState {
    /// Held by whoever changes the directory.
    directory: tokio::sync::Mutex<()>,
    /// What is due next may be another thing than before.
    pub(crate) changed: Arc<tokio::sync::Notify>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_hosts_that_are_named_and_below_those_that_say_so() {
        let mut settings = LinkSettings {
            public_url: Some("https://CX.Example/".into()),
            assistance_hosts: vec![
                "Help.Example".into(),
                "*.shop.example".into(),
                "xn--bcher-kva.example".into(),
            ],
        };
        settings.check().unwrap();
        assert_eq!(settings.public_url.as_deref(), Some("https://cx.example"));
        for host in [
            "help.example",
            "a.shop.example",
            "a.b.shop.example",
            "xn--bcher-kva.example",
        ] {
            assert!(settings.allows(host), "{host}");
        }
        for host in [
            "shop.example",
            "evilshop.example",
            "a.help.example",
            "example",
            "",
        ] {
            assert!(!settings.allows(host), "{host}");
        }
        for bad in [
            &*"a".repeat(254),
            "",
            "*",
            "*.com",
            "a b",
            "http://a.example",
            "*.*.example",
        ] {
            let mut settings = LinkSettings {
                public_url: None,
                assistance_hosts: vec![bad.into()],
            };
            assert!(settings.check().is_err(), "{bad}");
        }
        for bad in [
            &*format!("https://{}", "a".repeat(254)),
            "cx.example",
            "ftp://cx.example",
            "https://cx.example/a",
            "https://a@cx.example",
            "javascript:1",
        ] {
            let mut settings = LinkSettings {
                public_url: Some(bad.into()),
                assistance_hosts: Vec::new(),
            };
            assert!(settings.check().is_err(), "{bad}");
        }
    }
}
