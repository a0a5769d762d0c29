//! Customers, what is promised to them, and whether they may be contacted.

use jackfield_types::limits;
use utoipa_axum::routes;

use super::{ADMIN, KEEP, LISTEN, PLAN, REACH_OUT, RECONCILE, Route, SEGMENT, SERVE, STAFF, STEER, route};
use crate::handler::{
    assistance, attempt, attribute, campaign, case, case_directory, customer, customer_import,
    customer_match, customer_privacy, customer_story, link, outbound, segment, tag, tag_run,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        // Customers
        route("/v1/customers", SEGMENT, routes!(customer::list_customers)),
        route("/v1/customers", KEEP, routes!(customer::create_customer)),
        route("/v1/customers/{customer}", SERVE, routes!(customer::get_customer)),
        route(
            "/v1/customers/{customer}",
            KEEP,
            routes!(customer::update_customer),
        ),
        route(
            "/v1/customers/{customer}",
            ADMIN,
            routes!(customer_privacy::erase_customer),
        ),
        route(
            "/v1/customers/{customer}/export",
            ADMIN,
            routes!(customer_privacy::export_customer),
        ),
        route(
            "/v1/customers/{customer}/identities/{identity}",
            KEEP,
            routes!(customer::add_identity, customer::remove_identity),
        ),
        route(
            "/v1/customers/{customer}/timeline",
            SERVE,
            routes!(customer_story::list_timeline),
        ),
        route(
            "/v1/customers/{customer}/notes",
            KEEP,
            routes!(customer_story::write_note),
        ),
        route(
            "/v1/customers/{customer}/consents",
            KEEP,
            routes!(customer_story::record_consent),
        ),
        route(
            "/v1/customers/{customer}/intents",
            KEEP,
            routes!(customer_story::record_intent),
        ),
        route(
            "/v1/customers/{customer}/links/{other}",
            KEEP,
            routes!(customer_story::put_link, customer_story::remove_link),
        ),
        route(
            "/v1/customers/{customer}/merged/{other}",
            RECONCILE,
            routes!(customer_story::merge_customers, customer_story::unmerge_customer),
        ),
        route(
            "/v1/customers/{customer}/distinct/{other}",
            RECONCILE,
            routes!(customer_match::put_distinct),
        ),
        route(
            "/v1/customer-matches",
            RECONCILE,
            routes!(customer_match::list_matches),
        ),
        route(
            "/v1/customer-imports",
            PLAN,
            routes!(customer_import::list_imports),
        ),
        route(
            "/v1/customer-imports/{import}",
            PLAN,
            routes!(
                customer_import::get_import,
                customer_import::begin_import,
                customer_import::remove_import
            ),
        ),
        route(
            "/v1/customer-imports/{import}/parts",
            PLAN,
            routes!(customer_import::import_part),
        )
        .body_limit(limits::MAX_IMPORT_PART_BYTES),
        route(
            "/v1/customer-imports/{import}/failures",
            PLAN,
            routes!(customer_import::list_import_failures),
        ),
        route(
            "/v1/customer-settings",
            STAFF,
            routes!(attribute::get_customer_settings),
        ),
        route(
            "/v1/customer-settings",
            ADMIN,
            routes!(attribute::put_customer_settings),
        ),
        route(
            "/v1/customer-attributes",
            STAFF,
            routes!(attribute::list_attributes),
        ),
        route(
            "/v1/customer-attributes/{attribute}",
            ADMIN,
            routes!(attribute::put_attribute, attribute::remove_attribute),
        ),
        route(
            "/v1/customers/{customer}/decisions",
            ADMIN,
            routes!(customer::erase_decisions),
        ),
        route("/v1/tags", STAFF, routes!(tag::list_tags)),
        route("/v1/tags/{tag}", STAFF, routes!(tag::get_tag)),
        route("/v1/tags/{tag}", PLAN, routes!(tag::put_tag, tag::remove_tag)),
        route(
            "/v1/customers/{customer}/tags/{tag}",
            KEEP,
            routes!(tag::set_customer_tag, tag::remove_customer_tag),
        ),
        route("/v1/tag-runs", SEGMENT, routes!(tag_run::list_tag_runs)),
        route("/v1/tag-runs/{run}", SEGMENT, routes!(tag_run::get_tag_run)),
        route(
            "/v1/tag-runs/{run}",
            PLAN,
            routes!(tag_run::begin_tag_run, tag_run::remove_tag_run),
        ),
        route("/v1/tag-runs/{run}/pause", PLAN, routes!(tag_run::pause_tag_run)),
        route(
            "/v1/tag-runs/{run}/resume",
            PLAN,
            routes!(tag_run::resume_tag_run),
        ),
        route("/v1/tag-runs/{run}/stop", PLAN, routes!(tag_run::stop_tag_run)),
        route(
            "/v1/tag-runs/{run}/receipts",
            SEGMENT,
            routes!(tag_run::list_tag_receipts),
        ),
        route("/v1/tag-schedule", SEGMENT, routes!(tag_run::get_tag_schedule)),
        route("/v1/tag-schedule", PLAN, routes!(tag_run::put_tag_schedule)),
        route("/v1/segments", SEGMENT, routes!(segment::list_segments)),
        route("/v1/segments/{segment}", SEGMENT, routes!(segment::get_segment)),
        route(
            "/v1/segments/{segment}",
            PLAN,
            routes!(segment::put_segment, segment::remove_segment),
        ),
        route(
            "/v1/segments/{segment}/customers",
            SEGMENT,
            routes!(segment::list_segment_customers),
        ),
        route(
            "/v1/segments/{segment}/count",
            SEGMENT,
            routes!(segment::get_segment_count, segment::count_segment),
        ),
        route("/v1/segment-previews", SEGMENT, routes!(segment::preview_segment)),
        route(
            "/v1/customers/{customer}/segments",
            SERVE,
            routes!(segment::list_customer_segments),
        ),
        route(
            "/v1/campaigns/{campaign}/customers",
            SEGMENT,
            routes!(segment::list_campaign_customers),
        ),
        // Cases
        route("/v1/cases", LISTEN, routes!(case::list_cases)),
        route("/v1/cases", STEER, routes!(case::open_case)),
        route("/v1/cases/{case}", LISTEN, routes!(case::get_case)),
        route("/v1/cases/{case}/status", STEER, routes!(case::put_case_status)),
        route("/v1/cases/{case}/owner", STEER, routes!(case::put_case_owner)),
        route("/v1/cases/{case}/promise", STEER, routes!(case::put_case_promise)),
        route("/v1/cases/{case}/notes", STEER, routes!(case::write_case_note)),
        route(
            "/v1/cases/{case}/interactions/{interaction}",
            STEER,
            routes!(case::add_case_interaction),
        ),
        route(
            "/v1/cases/{case}/link",
            STEER,
            routes!(case::put_case_link, case::revoke_case_link),
        ),
        route(
            "/v1/case-categories",
            STAFF,
            routes!(case_directory::list_case_categories),
        ),
        route(
            "/v1/case-categories/{category}",
            STAFF,
            routes!(case_directory::get_case_category),
        ),
        route(
            "/v1/case-categories/{category}",
            RECONCILE,
            routes!(
                case_directory::put_case_category,
                case_directory::remove_case_category
            ),
        ),
        route("/v1/outlets", STAFF, routes!(case_directory::list_outlets)),
        route("/v1/outlets/{outlet}", STAFF, routes!(case_directory::get_outlet)),
        route(
            "/v1/outlets/{outlet}",
            RECONCILE,
            routes!(case_directory::put_outlet, case_directory::remove_outlet),
        ),
        route("/v1/link-settings", STAFF, routes!(link::get_link_settings)),
        route("/v1/link-settings", ADMIN, routes!(link::put_link_settings)),
        route(
            "/v1/interactions/{interaction}/assistances",
            LISTEN,
            routes!(assistance::list_assistances),
        ),
        route(
            "/v1/interactions/{interaction}/assistances",
            STEER,
            routes!(assistance::offer_assistance),
        ),
        route(
            "/v1/interactions/{interaction}/assistances/{assistance}",
            STEER,
            routes!(assistance::revoke_assistance),
        ),
        route("/v1/campaigns", STAFF, routes!(campaign::list_campaigns)),
        route("/v1/campaigns/{campaign}", STAFF, routes!(campaign::get_campaign)),
        route(
            "/v1/campaigns/{campaign}",
            PLAN,
            routes!(campaign::put_campaign, campaign::remove_campaign),
        ),
        route(
            "/v1/outbound/attempts",
            REACH_OUT,
            routes!(attempt::list_attempts, attempt::record_attempt),
        ),
        route(
            "/v1/outbound/checks",
            REACH_OUT,
            routes!(outbound::check_outbound),
        ),
    ]
}
