//! Which fields of customers' data a plugin sees: those that its manifest names. A manifest that names none sees what its
//! grants give.

use std::sync::Arc;

use jackfield_contact::decision::{
    AgentOutcomes, Customer, EvaluationRecord, KnowledgeEntry, KnowledgeHit, KnowledgeQuery, Message,
    PastInteraction, QueueStatus, SurveyRecord, Tag,
};
use jackfield_types::{AgentId, CustomerId, InteractionId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use crate::{PiiClass, ProjectedField, ReadError, Reads};

/// The id of a customer whose id a plugin does not see.
const WITHHELD: &str = "customer:withheld";
/// One attribute of the profile, and no other: `customer.attributes.KEY`.
const ATTRIBUTE: &str = "customer.attributes.";

const ID: u16 = 1;
const NAME: u16 = 1 << 1;
const LANGUAGE: u16 = 1 << 2;
const FIRST_SEEN_AT: u16 = 1 << 3;
const ATTRIBUTES: u16 = 1 << 4;
const TAGS: u16 = 1 << 5;
const HISTORY: u16 = 1 << 6;
const SURVEYS: u16 = 1 << 7;
const EVALUATIONS: u16 = 1 << 8;
const CUSTOMER: u16 = ID | NAME | LANGUAGE | FIRST_SEEN_AT | ATTRIBUTES | TAGS;

/// Every field: its path in a manifest, its bit, and how personal it is at least.
const FIELDS: [(&str, u16, PiiClass); 9] = [
    ("customer.id", ID, PiiClass::Personal),
    ("customer.name", NAME, PiiClass::Personal),
    ("customer.language", LANGUAGE, PiiClass::Pseudonymous),
    ("customer.first-seen-at", FIRST_SEEN_AT, PiiClass::Pseudonymous),
    ("customer.attributes", ATTRIBUTES, PiiClass::Personal),
    ("customer.tags", TAGS, PiiClass::Pseudonymous),
    ("history", HISTORY, PiiClass::Pseudonymous),
    ("surveys", SURVEYS, PiiClass::Pseudonymous),
    ("evaluations", EVALUATIONS, PiiClass::Pseudonymous),
];

/// Which fields of customers' data are seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    fields: u16,
    /// Seen though [`ATTRIBUTES`] is not.
    attributes: Vec<Arc<str>>,
}

impl Default for Projection {
    /// Everything.
    fn default() -> Self {
        Self {
            fields: u16::MAX,
            attributes: Vec::new(),
        }
    }
}

/// Of which fields an answer of the host is made.
pub(crate) struct Scope(u16);

impl Scope {
    pub(crate) const CUSTOMER: Self = Self(CUSTOMER);
    pub(crate) const TAGS: Self = Self(TAGS);
    pub(crate) const HISTORY: Self = Self(HISTORY);
    pub(crate) const SURVEYS: Self = Self(SURVEYS);
    pub(crate) const EVALUATIONS: Self = Self(EVALUATIONS);
}

impl Projection {
    /// What a manifest names; of nothing, everything. The error says what is wrong.
    pub(crate) fn of(named: &[ProjectedField]) -> Result<Self, String> {
        if named.is_empty() {
            return Ok(Self::default());
        }
        let mut seen = Self {
            fields: 0,
            attributes: Vec::new(),
        };
        for ProjectedField { field, pii } in named {
            let at_least = if let Some(key) = field.strip_prefix(ATTRIBUTE).filter(|key| !key.is_empty()) {
                seen.attributes.push(key.into());
                PiiClass::Pseudonymous
            } else if let Some((_, bit, pii)) = FIELDS.iter().find(|(path, ..)| path == field) {
                seen.fields |= bit;
                *pii
            } else {
                let paths: Vec<_> = FIELDS.iter().map(|(path, ..)| *path).collect();
                return Err(format!(
                    "projection: {field:.64?} is no field: expected {} or {ATTRIBUTE}KEY",
                    paths.join(", ")
                ));
            };
            if *pii < at_least {
                return Err(format!(
                    "projection: pii of {field} is {}: expected {} or more",
                    pii.as_str(),
                    at_least.as_str()
                ));
            }
        }
        if seen.attributes.len() > limits::MAX_ATTRIBUTES {
            return Err(format!(
                "projection: {} attributes: expected at most {}, or customer.attributes",
                seen.attributes.len(),
                limits::MAX_ATTRIBUTES
            ));
        }
        Ok(seen)
    }

    /// The paths of what is seen, as a manifest names them; `None`: everything.
    pub fn paths(&self) -> Option<Vec<String>> {
        let fields = FIELDS.iter().filter(|(_, bit, _)| self.fields & bit != 0);
        let paths = fields.map(|(path, ..)| (*path).to_owned());
        let attributes = self.attributes.iter().map(|key| format!("{ATTRIBUTE}{key}"));
        (!self.is_all()).then(|| paths.chain(attributes).collect())
    }

    /// What [`Projection::paths`] told.
    ///
    /// # Errors
    /// When a path is none, with what was expected.
    pub fn of_paths(paths: Option<&[String]>) -> Result<Self, String> {
        let Some(paths) = paths else {
            return Ok(Self::default());
        };
        let field = |path: &String| ProjectedField {
            field: path.clone(),
            pii: PiiClass::Sensitive,
        };
        Self::of(&paths.iter().map(field).collect::<Vec<_>>())
    }

    /// Whether everything is seen.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// What `self` sees of an answer that `other` does not.
    pub(crate) fn beyond(&self, other: &Self, scope: &Scope) -> Option<String> {
        let bits = self.fields & !other.fields & scope.0;
        let fields = FIELDS.iter().filter(|(_, bit, _)| bits & bit != 0);
        let mut beyond: Vec<String> = fields.map(|(path, ..)| (*path).to_owned()).collect();
        if scope.0 & ATTRIBUTES & !other.fields != 0 {
            let more = self
                .attributes
                .iter()
                .filter(|key| !other.attributes.contains(key));
            beyond.extend(more.map(|key| format!("{ATTRIBUTE}{key:.64}")));
        }
        (!beyond.is_empty()).then(|| beyond.join(", "))
    }

    const fn sees(&self, field: u16) -> bool {
        self.fields & field != 0
    }

    fn customer(&self, mut customer: Customer) -> Customer {
        if !self.sees(ID)
            && let Ok(withheld) = CustomerId::new(WITHHELD)
        {
            customer.id = withheld;
        }
        if !self.sees(NAME) {
            customer.name = None;
        }
        if !self.sees(LANGUAGE) {
            customer.language = None;
        }
        if !self.sees(FIRST_SEEN_AT) {
            customer.first_seen_at = Timestamp(0);
        }
        if !self.sees(ATTRIBUTES) {
            customer
                .attributes
                .retain(|(key, _)| self.attributes.contains(key));
        }
        if !self.sees(TAGS) {
            customer.tags.clear();
        }
        customer
    }

    fn list<T>(
        &self,
        field: u16,
        read: impl FnOnce() -> Result<Vec<T>, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        if self.sees(field) {
            read()
        } else {
            Err(ReadError::not_projected(path(field)))
        }
    }
}

fn path(field: u16) -> &'static str {
    FIELDS
        .iter()
        .find(|(_, bit, _)| *bit == field)
        .map_or("", |(path, ..)| path)
}

/// Answers what another does, as far as the projection shows it.
pub(crate) struct Projected {
    pub(crate) inner: Arc<dyn Reads>,
    pub(crate) projection: Arc<Projection>,
}

impl Reads for Projected {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        if !self.projection.sees(CUSTOMER) && self.projection.attributes.is_empty() {
            return Err(ReadError::not_projected("customer"));
        }
        let found = self.inner.customer()?;
        Ok(found.map(|customer| self.projection.customer(customer)))
    }

    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        self.projection.list(HISTORY, || self.inner.history(limit))
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        self.projection.list(SURVEYS, || self.inner.surveys(limit))
    }

    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        self.projection
            .list(EVALUATIONS, || self.inner.evaluations(limit))
    }

    /// Beside other details of the work, so that there are none rather than an error.
    fn customer_tags(&self, interaction: InteractionId) -> Result<Vec<Tag>, ReadError> {
        if self.projection.sees(TAGS) {
            self.inner.customer_tags(interaction)
        } else {
            Ok(Vec::new())
        }
    }

    /// Counts of agents, in which no customer is told of.
    fn outcomes(&self, agents: &[&AgentId], reasons: &[Arc<str>]) -> Result<Vec<AgentOutcomes>, ReadError> {
        self.inner.outcomes(agents, reasons)
    }

    fn messages(&self, after: u32, limit: usize) -> Result<Vec<Message>, ReadError> {
        self.inner.messages(after, limit)
    }

    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        self.inner.knowledge_search(query)
    }

    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        self.inner.knowledge_entry(id)
    }

    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        self.inner.queue_status(id)
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.inner.kv_get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(path: &str, pii: PiiClass) -> ProjectedField {
        ProjectedField {
            field: path.into(),
            pii,
        }
    }

    fn seeing(paths: &[&str]) -> Projection {
        let named: Vec<_> = paths
            .iter()
            .map(|path| field(path, PiiClass::Sensitive))
            .collect();
        Projection::of(&named).unwrap()
    }

    struct Known;

    impl Reads for Known {
        fn customer(&self) -> Result<Option<Customer>, ReadError> {
            Ok(Some(Customer {
                id: "tel:+8613800138000".parse().unwrap(),
                name: Some("Li Lei".into()),
                language: Some("zh-CN".into()),
                first_seen_at: Timestamp(7),
                attributes: vec![("tier".into(), "gold".into()), ("debt".into(), "900".into())],
                tags: vec![tag()],
            }))
        }

        fn customer_tags(&self, _: InteractionId) -> Result<Vec<Tag>, ReadError> {
            Ok(vec![tag()])
        }
    }

    fn tag() -> Tag {
        Tag {
            name: "vip".into(),
            confidence: 100,
            reason: "because".into(),
            expires_at: None,
        }
    }

    fn projected(paths: &[&str]) -> Projected {
        Projected {
            inner: Arc::new(Known),
            projection: Arc::new(seeing(paths)),
        }
    }

    #[test]
    fn only_what_is_named_is_seen() {
        let customer = projected(&["customer.tags", "customer.attributes.tier"])
            .customer()
            .unwrap()
            .unwrap();
        assert_eq!(customer.id.as_str(), WITHHELD);
        assert_eq!((&customer.name, &customer.language), (&None, &None));
        assert_eq!(customer.first_seen_at, Timestamp(0));
        assert_eq!(customer.attributes, [("tier".into(), "gold".into())]);
        assert_eq!(customer.tags, [tag()]);

        let interaction = "0198f000-0000-7000-8000-000000000001".parse().unwrap();
        let named = projected(&["customer.name", "history"]);
        let customer = named.customer().unwrap().unwrap();
        assert_eq!(customer.name.as_deref(), Some("Li Lei"));
        assert!(customer.tags.is_empty() && customer.attributes.is_empty());
        assert_eq!(named.customer_tags(interaction), Ok(vec![]));
        assert_eq!(named.history(5), Ok(vec![]));
        for refused in [named.surveys(5).map(drop), named.evaluations(5).map(drop)] {
            assert_eq!(&*refused.unwrap_err().code, "not-projected");
        }
        let refused = projected(&["history"]).customer().unwrap_err();
        assert_eq!((&*refused.code, refused.retryable), ("not-projected", false));
    }

    #[test]
    fn who_names_nothing_sees_everything() {
        let all = Projection::of(&[]).unwrap();
        assert!(all.is_all() && !seeing(&["surveys"]).is_all());
        let projected = Projected {
            inner: Arc::new(Known),
            projection: Arc::new(all),
        };
        assert_eq!(projected.customer(), Known.customer());
    }

    #[test]
    fn a_field_that_is_unknown_or_called_less_personal_than_it_is_is_refused() {
        for (path, pii, part) in [
            (
                "customer.shoe-size",
                PiiClass::Personal,
                "is no field: expected customer.id",
            ),
            ("customer.attributes.", PiiClass::Personal, "is no field"),
            ("customer", PiiClass::Personal, "is no field"),
            (
                "customer.name",
                PiiClass::Pseudonymous,
                "pii of customer.name is pseudonymous: expected personal",
            ),
            ("customer.tags", PiiClass::None, "expected pseudonymous or more"),
            (
                "customer.attributes.tier",
                PiiClass::None,
                "expected pseudonymous or more",
            ),
        ] {
            let error = Projection::of(&[field(path, pii)]).unwrap_err();
            assert!(error.contains(part), "{error}: expected {part}");
        }
    }

    #[test]
    fn what_one_sees_beyond_another_is_told_by_answer() {
        let (few, more) = (
            seeing(&["customer.tags"]),
            seeing(&["customer.tags", "customer.name", "surveys"]),
        );
        assert_eq!(
            more.beyond(&few, &Scope::CUSTOMER).as_deref(),
            Some("customer.name")
        );
        assert_eq!(more.beyond(&few, &Scope::SURVEYS).as_deref(), Some("surveys"));
        assert_eq!(more.beyond(&few, &Scope::TAGS), None);
        assert_eq!(few.beyond(&more, &Scope::CUSTOMER), None);
        let tier = seeing(&["customer.attributes.tier"]);
        assert_eq!(
            tier.beyond(&few, &Scope::CUSTOMER).as_deref(),
            Some("customer.attributes.tier")
        );
        assert_eq!(
            tier.beyond(&seeing(&["customer.attributes"]), &Scope::CUSTOMER),
            None
        );
        assert_eq!(
            Projection::default().beyond(&Projection::default(), &Scope::CUSTOMER),
            None
        );
    }
}
