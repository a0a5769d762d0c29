//! Reply templates: those that all agents share, and those of somebody's own; and filling them in.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::input::Input;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{AgentId, AttributeId, InteractionId, OpContext, TemplateId, UserId, limits};

use super::article::{ReplyTemplate, invalid};
use super::template::{Part, fill, fill_known, is_variable, parse};
use super::{ARTICLES, KnowledgeError, OWN_TEMPLATES, TEMPLATES, decode, encode};
use crate::centre_loop::Report;
use crate::customers::AttributeDefinition;
use crate::tenant::Tenant;

/// Whose templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's in the tenant.
    Shared,
    /// A user's own; nobody else sees them.
    Own(UserId),
}

impl Whose {
    const fn space(&self) -> Space {
        match self {
            Self::Shared => TEMPLATES,
            Self::Own(_) => OWN_TEMPLATES,
        }
    }

    fn prefix(&self) -> String {
        match self {
            Self::Shared => String::new(),
            Self::Own(user) => format!("{user} "),
        }
    }

    fn key(&self, id: &TemplateId) -> String {
        format!("{}{id}", self.prefix())
    }

    const fn most(&self) -> usize {
        match self {
            Self::Shared => limits::MAX_TEMPLATES,
            Self::Own(_) => limits::MAX_OWN_TEMPLATES,
        }
    }
}

/// Variables that stand for something of every conversation.
const KNOWN: [&str; 10] = [
    "customer.name",
    "customer.language",
    "customer.relationship.since",
    "customer.relationship.products",
    "customer.relationship.until",
    "customer.relationship.manager",
    "agent.name",
    "agent.id",
    "queue.name",
    "interaction.id",
];
/// Attributes that a refusal names.
const NAMED: usize = 20;

/// With what a template is filled in.
#[derive(Debug, Clone, Default)]
pub struct Filling {
    /// The conversation, of which customer, queue and attributes are known.
    pub interaction: Option<InteractionId>,
    /// In whose name; none: the agent's who has the conversation.
    pub agent: Option<AgentId>,
    /// Values of further variables, at most 32 of at most 2,048 bytes; they go before what is known.
    pub variables: BTreeMap<String, String>,
}

impl Tenant {
    /// Templates in the order of their ids.
    pub async fn templates(
        &self,
        ctx: &OpContext,
        whose: &Whose,
    ) -> Result<Vec<ReplyTemplate>, KnowledgeError> {
        let scan = Scan::prefix(whose.prefix()).limit(whose.most());
        let page = self.inner.shared.store.scan(ctx, whose.space(), scan).await?;
        page.rows.iter().map(|row| decode(&row.value)).collect()
    }

    /// One template.
    ///
    /// # Errors
    /// [`KnowledgeError::Unknown`] when there is none.
    pub async fn template(
        &self,
        ctx: &OpContext,
        whose: &Whose,
        id: &TemplateId,
    ) -> Result<ReplyTemplate, KnowledgeError> {
        let template = self.kept(ctx, whose.space(), whose.key(id)).await?;
        template.ok_or_else(|| unknown(id))
    }

    /// That each variable is one that is known of a conversation, or one without a dot, which is given with the request.
    fn check_variables(&self, text: &str) -> Result<(), KnowledgeError> {
        let definitions = self.inner.customers.definitions.load();
        let is_open = |id: &AttributeId| definitions.get(id).is_some_and(AttributeDefinition::is_open);
        let is_known = |name: &str| match name.split_once('.') {
            // What flows note of a conversation has any name.
            None | Some(("interaction", _)) => true,
            Some(("customer", id)) if AttributeId::new(id).is_ok_and(|id| is_open(&id)) => true,
            Some(_) => KNOWN.contains(&name),
        };
        let wrong = parse(text)?.into_iter().find_map(|part| match part {
            Part::Variable { name, .. } if !is_known(name) => Some(name),
            _ => None,
        });
        let Some(wrong) = wrong else { return Ok(()) };
        let attributes = definitions.keys().filter(|id| is_open(id)).take(NAMED);
        let attributes = attributes.map(|id| format!("customer.{id}"));
        let known: Vec<_> = KNOWN.map(str::to_owned).into_iter().chain(attributes).collect();
        invalid(
            "text",
            format!(
                "{{{{{wrong}}}}} stands for nothing: expected {}, interaction.ATTRIBUTE, or a name without a dot, of which the \
                 value is given when the template is sent",
                known.join(", ")
            ),
        )
    }

    /// Keeps a template.
    ///
    /// # Errors
    /// [`KnowledgeError::Invalid`] for what can't be, a variable that stands for nothing among it; [`KnowledgeError::InUse`] for a shared one with an article's id.
    pub async fn put_template(
        &self,
        ctx: &OpContext,
        whose: &Whose,
        template: ReplyTemplate,
    ) -> Result<ReplyTemplate, KnowledgeError> {
        template.check()?;
        self.check_variables(&template.text)?;
        let guard = self.inner.knowledge.writing.lock().await;
        let known = self.templates(ctx, whose).await?;
        if known.len() >= whose.most() && known.iter().all(|other| other.id != template.id) {
            return Err(KnowledgeError::TooMany {
                what: "reply templates",
                most: whose.most() as u64,
            });
        }
        let id = template.id.as_str();
        let key = whose.key(&template.id);
        if *whose != Whose::Shared {
            let tx = Tx::new().put(whose.space(), key, encode(&template)?);
            self.inner.shared.store.commit(ctx, tx).await?;
            return Ok(template);
        }
        if self
            .inner
            .shared
            .store
            .get(ctx, ARTICLES, id.as_bytes())
            .await?
            .is_some()
        {
            return Err(KnowledgeError::InUse(format!("the id {id}")));
        }
        let mut writing = self.begin_writing(ctx).await?.touch(id);
        writing.tx = writing.tx.put(whose.space(), key, encode(&template)?);
        let changes = self.commit_writing(ctx, writing).await?;
        drop(guard);
        self.index_soon(changes).await;
        Ok(template)
    }

    /// Removes a template.
    pub async fn remove_template(
        &self,
        ctx: &OpContext,
        whose: &Whose,
        id: &TemplateId,
    ) -> Result<(), KnowledgeError> {
        let guard = self.inner.knowledge.writing.lock().await;
        self.template(ctx, whose, id).await?;
        if *whose != Whose::Shared {
            let tx = Tx::new().delete(whose.space(), whose.key(id));
            self.inner.shared.store.commit(ctx, tx).await?;
            return Ok(());
        }
        let mut writing = self.begin_writing(ctx).await?.touch(id.as_str());
        writing.tx = writing.tx.delete(whose.space(), whose.key(id));
        let changes = self.commit_writing(ctx, writing).await?;
        drop(guard);
        self.index_soon(changes).await;
        Ok(())
    }

    /// The text of a template with its variables in place: those given, and what is known of the conversation:
    /// the usual ones (`customer.name`, `agent.name`…), `customer.ATTRIBUTE` and `interaction.ATTRIBUTE`.
    ///
    /// # Errors
    /// [`KnowledgeError::Missing`] names a variable of which nothing is known.
    pub async fn fill_template(
        &self,
        ctx: &OpContext,
        text: &str,
        filling: &Filling,
    ) -> Result<String, KnowledgeError> {
        let most = limits::MAX_TEMPLATE_VARIABLES;
        if filling.variables.len() > most {
            return invalid("variables", format!("expected at most {most}"));
        }
        for (name, value) in &filling.variables {
            if !is_variable(name) {
                return invalid(
                    "variables",
                    "names: expected 1 to 64 of a-z, 0-9, '-', '_' and '.'",
                );
            }
            if value.len() > limits::MAX_TEXT_BYTES {
                let most = limits::MAX_TEXT_BYTES;
                return invalid("variables", format!("{name}: expected at most {most} bytes"));
            }
        }
        let known = self.known_of(ctx, filling).await?;
        fill(text, |name| {
            filling.variables.get(name).or_else(|| known.get(name)).cloned()
        })
    }

    /// Fills a shared template in for a customer who has waited too long. One that can't be is not sent, with a log line
    /// that says why: the entry's next step comes all the same.
    pub(crate) fn fill_for(&self, interaction: InteractionId, template: TemplateId) {
        let tenant = self.clone();
        tokio::spawn(async move {
            let ctx = OpContext::system(tenant.id().clone(), "templates");
            let filling = Filling {
                interaction: Some(interaction),
                ..Filling::default()
            };
            let filled = async {
                let found = tenant.template(&ctx, &Whose::Shared, &template).await?;
                tenant.fill_template(&ctx, &found.text, &filling).await
            };
            match filled.await {
                Ok(text) => tenant.report(Report::Input(Input::TemplateFilled {
                    interaction,
                    text: text.into(),
                })),
                Err(error) => {
                    tracing::warn!(tenant = %tenant.id(), %interaction, %template, %error, "a reply was not sent");
                }
            }
        });
    }

    /// The text with the variables in place of which something is known, and the names of the others.
    pub(crate) async fn fill_known(
        &self,
        ctx: &OpContext,
        text: &str,
        filling: &Filling,
    ) -> Result<(String, Vec<String>), KnowledgeError> {
        let known = self.known_of(ctx, filling).await?;
        fill_known(text, |name| known.get(name).cloned())
    }

    async fn known_of(
        &self,
        ctx: &OpContext,
        filling: &Filling,
    ) -> Result<BTreeMap<String, String>, KnowledgeError> {
        let Some(id) = filling.interaction else {
            return Ok(BTreeMap::new());
        };
        let store = |error: crate::SubmitError| KnowledgeError::Store(error.to_string());
        let wanted = filling.agent.clone();
        let (it, mut known) = self
            .read(move |centre| {
                let mut known = BTreeMap::new();
                let Some(it) = centre.interaction(id) else {
                    return (None, known);
                };
                if let Some(agent) = wanted.as_ref().or(it.agent.as_ref()) {
                    known.insert("agent.id".to_owned(), agent.to_string());
                    let name = centre.agent(agent).map(|agent| agent.config.name.to_string());
                    known.extend(name.map(|name| ("agent.name".to_owned(), name)));
                }
                let queue = it.queue.as_ref().and_then(|queue| centre.queue(queue));
                known.extend(queue.map(|queue| ("queue.name".to_owned(), queue.config.name.to_string())));
                (Some(it.clone()), known)
            })
            .await
            .map_err(store)?;
        let Some(it) = it else { return Ok(known) };
        known.insert("interaction.id".to_owned(), it.id.to_string());
        add(&mut known, "interaction", &it.attributes);
        known.extend(name_of(&it).map(|name| ("customer.name".to_owned(), name.to_string())));
        if let Some(customer) = &it.customer
            && let Some(row) = self.customer(ctx, customer).await.map_err(store)?
        {
            let customer = row.customer;
            add(&mut known, "customer", &customer.attributes);
            let of_profile = [("name", customer.name), ("language", customer.language)];
            for (name, value) in of_profile {
                known.extend(value.map(|value| (format!("customer.{name}"), value.to_string())));
            }
        }
        Ok(known)
    }
}

fn add(known: &mut BTreeMap<String, String>, of: &str, attributes: &[(Arc<str>, Arc<str>)]) {
    known.extend(
        attributes
            .iter()
            .map(|(name, value)| (format!("{of}.{name}"), value.to_string())),
    );
}

fn name_of(it: &Interaction) -> Option<&Arc<str>> {
    it.caller_name.as_ref()
}

fn unknown(id: &TemplateId) -> KnowledgeError {
    KnowledgeError::Unknown {
        what: "reply-template",
        id: id.to_string(),
    }
}
