//! The browser's part of a flow: who may set out, where it is sent, and how it comes back.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sidecar_core::OrganizationId;
use sidecar_store::Organization;
use utoipa::IntoParams;

use super::{
    Flow,
    states::{self, Begun},
};
use crate::{
    app::App,
    http::{ApiResult, Problem, extract::Operator},
    tenancy,
};

/// Which organization is to be connected.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Connect {
    /// The organization's id.
    organization_id: String,
    /// A token made by `crm-server connect-url`, in place of the operator's.
    #[serde(default)]
    link: Option<String>,
}

impl Connect {
    /// The organization, for somebody who may connect it. A link is used up, unless `ready` finds that it would lead nowhere.
    ///
    /// # Errors
    /// 401, 404, or what `ready` says.
    pub(crate) async fn organization(
        &self,
        app: &App,
        headers: &HeaderMap,
        ready: impl Fn() -> ApiResult<()>,
    ) -> ApiResult<Organization> {
        let organization = OrganizationId::from(self.organization_id.as_str());
        match &self.link {
            Some(link) => {
                ready()?;
                states::take_link(app, link, &organization).await?;
            }
            None => drop(Operator::check(headers, app)?),
        }
        tenancy::find(app, &organization).await
    }
}

/// What the provider sends people back with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Back {
    /// The code to be exchanged.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// The state from `/connect`.
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// Why there is no code.
    #[serde(default)]
    pub(crate) error: Option<String>,
}

impl Back {
    /// The organization that the browser set out for. The state is used up.
    ///
    /// # Errors
    /// 400 when the state is missing, used, too old or of another browser.
    pub(crate) async fn organization(&self, app: &App, flow: &Flow, headers: &HeaderMap) -> ApiResult<Organization> {
        let Some(state) = self.state.as_deref().filter(|state| !state.is_empty()) else {
            let detail = format!("the state is missing: begin at {}/connect", flow.path);
            return Err(Problem::new(StatusCode::BAD_REQUEST, "state_missing", detail));
        };
        let organization = states::take(app, flow, state, came_with(headers, flow)).await?;
        tenancy::find(app, &organization).await
    }
}

/// Sends the browser to the provider's page, with the cookie that has to come back.
pub(crate) fn send_out(app: &App, flow: &Flow, page: &str, begun: &Begun) -> Response {
    redirect(page, &cookie(app, flow, begun.cookie.expose_secret(), states::STATE_LIFE.as_secs()))
}

/// Sends the browser to the settings page, which shows the outcome.
pub(crate) fn bring_home(
    app: &App,
    flow: &Flow,
    organization: &Organization,
    outcome: Result<(), &'static str>,
) -> Response {
    let end = match outcome {
        Ok(()) => "integration=success".to_owned(),
        Err(code) => format!("error={code}"),
    };
    let page = app.config.address(&format!("/agency/{}/admin/settings?{end}", organization.slug));
    redirect(&page, &cookie(app, flow, "", 0))
}

fn redirect(target: &str, cookie: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::LOCATION, target);
    set(header::CACHE_CONTROL, "no-store");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::SET_COOKIE, cookie);
    response
}

fn cookie(app: &App, flow: &Flow, value: &str, seconds: u64) -> String {
    let Flow { cookie, path, .. } = flow;
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    format!("{cookie}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// The flow's cookie.
pub(crate) fn came_with<'a>(headers: &'a HeaderMap, flow: &Flow) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == flow.cookie).map(|(_, value)| value)
}
