//! For load balancers and monitors: no key, and nothing of any tenant.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use jackfield_runtime::Platform;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::error::Problem;
use crate::extract::Json;
use crate::metrics::Page;

/// The state of the service.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The version that runs.
    version: &'static str,
}

const OK: Health = Health {
    status: "ok",
    version: env!("CARGO_PKG_VERSION"),
};

/// Says that the process runs and answers.
#[utoipa::path(get, path = "", tag = "service", responses((status = 200, body = Health)))]
pub(crate) async fn get_health() -> Json<Health> {
    Json(OK)
}

/// Says whether work can be taken: 200, or 503 with the reason.
#[utoipa::path(get, path = "", tag = "service", responses((status = 200, body = Health), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn get_readiness(State(app): State<App>) -> Result<Json<Health>, Problem> {
    app.platform.ready().await.map_err(Problem::unavailable)?;
    Ok(Json(OK))
}

/// Gives totals of the deployment in the Prometheus text format.
#[utoipa::path(get, path = "", tag = "service", responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn get_metrics(State(app): State<App>) -> impl IntoResponse {
    let mut page = Page::default();
    app.requests.write(&mut page);
    platform_figures(&app.platform, &mut page);
    let (name, help) = ("jackfield_event_streams", "Event streams that are open.");
    page.single(name, "gauge", help, app.streams.total());
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        page.into_text(),
    )
}

fn platform_figures(platform: &Platform, page: &mut Page) {
    page.single("jackfield_tenants", "gauge", "Tenants.", platform.tenants().len());
    let now = platform.metrics().snapshot();
    let counters = [
        ("inputs", "Inputs that tenants' loops handled.", now.inputs),
        ("inputs_rejected", "Inputs that were refused.", now.rejected),
        ("events", "Events journaled.", now.events),
        ("commits", "Transactions committed.", now.commits),
        (
            "commit_retries",
            "Commits that had to be tried again.",
            now.commit_retries,
        ),
        ("interactions", "Interactions begun.", now.interactions),
        (
            "interactions_abandoned",
            "Interactions given up before an agent answered.",
            now.abandoned,
        ),
        ("decisions", "Plugin decisions.", now.decisions),
        (
            "decisions_failed",
            "Plugin decisions that failed.",
            now.decisions_failed,
        ),
        ("plugin_fuel", "Fuel that plugins used.", now.fuel),
        (
            "plugin_microseconds",
            "Wall time of plugin decisions.",
            now.decision_us,
        ),
    ];
    for (name, help, value) in counters {
        page.single(&format!("jackfield_{name}_total"), "counter", help, value);
    }
    let Some(voice) = platform.voice().map(|voice| voice.stats()) else {
        return;
    };
    page.single(
        "jackfield_legs",
        "gauge",
        "Legs of calls that are up.",
        voice.legs,
    );
    page.single(
        "jackfield_phones",
        "gauge",
        "Phones that are registered.",
        voice.phones,
    );
    page.single(
        "jackfield_calls_in_total",
        "counter",
        "Calls that came in.",
        voice.calls_in,
    );
    page.single(
        "jackfield_calls_out_total",
        "counter",
        "Calls placed.",
        voice.calls_out,
    );
    page.single(
        "jackfield_calls_refused_total",
        "counter",
        "Calls refused.",
        voice.refused,
    );
}
