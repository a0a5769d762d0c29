//! Where links for customers begin, and where they may lead.

use jackfield_runtime::LinkSettings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json};
use crate::host::Asked;

/// Where links for customers begin, and where they may lead.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"public_url": "https://cx.example", "assistance_hosts": ["help.example", "*.shop.example"]}))]
pub struct LinkSettingsBody {
    /// Where customers reach this server: `https://HOST`, without a path. When left out, links begin with the host that
    /// whoever makes them has asked, and with `https` when a trusted proxy says so.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Hosts to which links for remote assistance may lead, at most 100; `*.HOST` for all below one.
    #[serde(default)]
    pub assistance_hosts: Vec<String>,
}

impl From<LinkSettings> for LinkSettingsBody {
    fn from(settings: LinkSettings) -> Self {
        Self {
            public_url: settings.public_url,
            assistance_hosts: settings.assistance_hosts,
        }
    }
}

/// Shows where links for customers begin, and where they may lead.
#[utoipa::path(get, path = "", tag = "cases", responses((status = 200, body = LinkSettingsBody)))]
pub(crate) async fn get_link_settings(who: InTenant) -> Answer<LinkSettingsBody> {
    Ok(Json(who.tenant.link_settings(&who.ctx).await?.into()))
}

/// Sets where links for customers begin, and where they may lead.
#[utoipa::path(put, path = "", tag = "cases", request_body = LinkSettingsBody, responses((status = 200, body = LinkSettingsBody)))]
pub(crate) async fn put_link_settings(
    who: InTenant,
    Json(body): Json<LinkSettingsBody>,
) -> Answer<LinkSettingsBody> {
    let settings = LinkSettings {
        public_url: body.public_url,
        assistance_hosts: body.assistance_hosts,
    };
    Ok(Json(
        who.tenant.put_link_settings(&who.ctx, settings).await?.into(),
    ))
}

/// What a link begins with: as the tenant says, else the host that was asked.
pub(crate) async fn public_url(who: &InTenant, Asked(asked): Asked) -> Result<String, Problem> {
    if let Some(url) = who.tenant.link_settings(&who.ctx).await?.public_url {
        return Ok(url);
    }
    asked.ok_or_else(|| {
        let detail = "where customers reach this server is not known: set public_url in /v1/link-settings";
        Problem::conflict("no-public-url", detail)
    })
}
