//! The browser's part of the flow: its query, its cookie, its redirects.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sidecar_core::OrganizationId;
use sidecar_store::Organization;
use utoipa::IntoParams;

use super::{
    Flow,
    states::{self, PendingAuthorization},
};
use crate::{
    app::App,
    http::{ApiResult, Problem, extract::Operator},
    tenancy,
};

/// The organization to connect.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConnectQuery {
    /// The organization's id.
    organization_id: String,
    /// A token from `crm-server connect-url`, in place of the operator's.
    #[serde(default)]
    link: Option<String>,
}

impl ConnectQuery {
    /// Returns the organization, if the caller may connect it. A link is used up, unless `check_ready` fails.
    ///
    /// # Errors
    /// 401, 404, or that of `check_ready`.
    pub(super) async fn organization(
        &self,
        app: &App,
        headers: &HeaderMap,
        check_ready: impl Fn() -> ApiResult<()>,
    ) -> ApiResult<Organization> {
        let organization = OrganizationId::from(self.organization_id.as_str());
        match &self.link {
            Some(link) => {
                check_ready()?;
                states::consume_link(app, link, &organization).await?;
            }
            None => drop(Operator::check(headers, app)?),
        }
        tenancy::find(app, &organization).await
    }
}

/// The query that the provider redirects the browser back with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackQuery {
    /// The authorization code.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// The state from `/connect`.
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// Set in place of a code when consent was denied.
    #[serde(default)]
    pub(crate) error: Option<String>,
}

impl CallbackQuery {
    /// Returns the organization that the flow was started for. The state is used up.
    ///
    /// # Errors
    /// 400 when the state is missing, used, too old or of another browser.
    pub(super) async fn organization(
        &self,
        app: &App,
        flow: &Flow,
        headers: &HeaderMap,
    ) -> ApiResult<(Organization, PendingAuthorization)> {
        let Some(state) = self.state.as_deref().filter(|state| !state.is_empty()) else {
            let detail = format!("the state is missing: start at {}/connect", flow.path);
            return Err(Problem::new(StatusCode::BAD_REQUEST, "state_missing", detail));
        };
        let cookie = bound_cookie(headers, flow).unwrap_or_default();
        let pending = PendingAuthorization { state: state.into(), cookie: cookie.into() };
        let organization = states::consume(app, flow, &pending).await?;
        Ok((tenancy::find(app, &organization).await?, pending))
    }
}

/// Redirects the browser to the consent page, with the cookie that must come back.
pub(super) fn redirect_to_provider(app: &App, flow: &Flow, page: &str, pending: &PendingAuthorization) -> Response {
    redirect(page, &cookie(app, flow, pending.cookie.expose_secret(), states::STATE_TTL.as_secs()))
}

/// Redirects the browser to the settings page, which shows the outcome.
pub(super) fn redirect_back(
    app: &App,
    flow: &Flow,
    organization: &Organization,
    outcome: Result<(), &'static str>,
) -> Response {
    let query = match outcome {
        Ok(()) => "integration=success".to_owned(),
        Err(code) => format!("error={code}"),
    };
    let page = app.config.address(&format!("/agency/{}/admin/settings?{query}", organization.slug));
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

/// Returns the flow's cookie.
fn bound_cookie<'a>(headers: &'a HeaderMap, flow: &Flow) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == flow.cookie).map(|(_, value)| value)
}
