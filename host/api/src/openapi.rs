//! The OpenAPI 3.1 document: made of the routes and their handlers' notes, and completed by what all have in common.

use std::sync::LazyLock;

use jackfield_types::Role;
use utoipa::OpenApi as _;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr, Required};

use crate::auth::Access;
use crate::error::{PROBLEM_JSON, Problem};
use crate::routes::{Route, routes};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Jackfield",
        description = "A contact centre whose behaviour is plugins.\n\n\
            Every request but the public ones carries `Authorization: Bearer jf_…`; the key says which tenant it \
            acts in, and nothing of another tenant exists for it. Times are milliseconds since the Unix epoch, \
            lengths are milliseconds, numbers are E.164. Errors are RFC 9457 problems with a stable `code`. A POST \
            with an `Idempotency-Key` that is sent again is done once and gets the same answer for 24 hours.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "calls", description = "Live and finished interactions, their story and recording."),
        (name = "chat", description = "Written conversations: where they begin, and their messages."),
        (name = "events", description = "Everything as it happens."),
        (name = "agents", description = "People who take calls."),
        (name = "queues", description = "Where calls wait."),
        (name = "numbers", description = "Numbers that customers call."),
        (name = "plugins", description = "Versions of plugins, and what is plugged in where."),
        (name = "customers", description = "Who calls."),
        (name = "cases", description = "What was promised to customers, and help from afar."),
        (name = "knowledge", description = "Articles, reply templates, and finding them."),
        (name = "outbound", description = "May somebody be contacted now?"),
        (name = "people", description = "Users of the tenant and their API keys."),
        (name = "tenants", description = "The operator's view."),
        (name = "usage", description = "What plugins used, and what they may use."),
        (name = "service", description = "Health, figures and this document."),
    )
)]
struct Document;

/// The OpenAPI document.
pub fn document() -> OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("jf_…");
    components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    for route in routes() {
        let operations = operations(&route);
        components.schemas.extend(route.handlers.0);
        for (method, operation) in operations {
            let operation = complete(operation, &method, route.access);
            let item = PathItem::new(method, operation);
            match document.paths.paths.get_mut(route.path) {
                Some(known) => known.merge_operations(item),
                None => {
                    document.paths.paths.insert(route.path.into(), item);
                }
            }
        }
    }
    document
}

/// The document as JSON, made once.
pub(crate) fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());
    &JSON
}

/// The operations of a route by method, in a fixed order.
pub(crate) fn operations(route: &Route) -> Vec<(HttpMethod, Operation)> {
    let mut operations = Vec::new();
    for item in route.handlers.1.paths.values() {
        let item = item.clone();
        let of_method = [
            (HttpMethod::Get, item.get),
            (HttpMethod::Put, item.put),
            (HttpMethod::Post, item.post),
            (HttpMethod::Patch, item.patch),
            (HttpMethod::Delete, item.delete),
        ];
        operations.extend(
            of_method
                .into_iter()
                .filter_map(|(method, operation)| Some((method, operation?))),
        );
    }
    operations
}

/// Adds to an operation what its access says about it.
fn complete(mut operation: Operation, method: &HttpMethod, access: Access) -> Operation {
    let roles = |roles: &[Role]| {
        roles
            .iter()
            .map(|role| role.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (note, answers): (String, &[(&str, &str)]) = match access {
        Access::Public => ("Needs no key.".into(), &[]),
        Access::Visitor => (
            "Needs no key: it is for visitors of a chat window, on pages that its entry allows.".into(),
            &[
                (
                    "401",
                    "The visitor's token is missing, unknown or too old, where one is needed.",
                ),
                ("403", "A page of this origin may not use the chat window."),
                ("429", "Too much at once."),
            ],
        ),
        Access::Provider => (
            "Needs no key: it is for the channel's provider, which signs its requests as the channel's settings say."
                .into(),
            &[
                ("401", "The request is not signed by the provider, or is too old."),
                ("413", "The body is too long."),
                ("429", "Too much at once."),
                ("503", "It could not be taken; the provider is expected to send it again."),
            ],
        ),
        Access::AnyKey => ("Needs any key.".into(), &[("401", "No key, or an unknown one.")]),
        Access::Operator => (
            "Needs a key of the platform with the role operator.".into(),
            &[
                ("401", "No key, or an unknown one."),
                ("403", "The key isn't the operator's."),
            ],
        ),
        Access::OperatorOrTenant(needed) => (
            format!(
                "Needs the operator's key, or one of the roles: {}.",
                roles(needed)
            ),
            &[
                ("401", "No key, or an unknown one."),
                (
                    "403",
                    "The key isn't the operator's, and its roles don't suffice.",
                ),
            ],
        ),
        Access::Tenant(needed) => (
            format!("Needs one of the roles: {}.", roles(needed)),
            &[
                ("401", "No key, or an unknown one."),
                ("403", "The key's roles don't suffice."),
            ],
        ),
    };
    let description = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{description}\n\n{note}").trim().into());
    let open = matches!(access, Access::Public | Access::Visitor | Access::Provider);
    if !open {
        operation.security = Some(vec![SecurityRequirement::new::<_, _, String>("key", [])]);
    }
    for (status, description) in answers {
        operation
            .responses
            .responses
            .insert((*status).into(), problem(description));
    }
    if !open {
        operation
            .responses
            .responses
            .insert("default".into(), problem("Any other refusal."));
    }
    if matches!(method, HttpMethod::Post) {
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("1 to 128 printable ASCII characters, new for each request."))
            .schema(Some(
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .max_length(Some(128)),
            ));
        operation
            .parameters
            .get_or_insert_default()
            .push(key.build().into());
    }
    operation
}

fn problem(description: &str) -> RefOr<utoipa::openapi::Response> {
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, body)
        .build()
        .into()
}
