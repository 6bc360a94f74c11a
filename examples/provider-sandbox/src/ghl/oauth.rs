//! OAuth: consent, the token endpoint, location tokens from a company's, installed locations.
//! The consent page consents at once; `sandbox_choose=company|location:<id>` says to what.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Extension;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::error::{ApiError, trace_id};
use super::reply::{self, Answer};
use super::shape::Params;
use super::state::{Rotate, TokenFault, World};
use super::tokens::{Caller, Issued, Refused, Resource};
use super::webhooks;
use crate::clock::rfc3339;
use crate::connection::Cut;
use crate::faults;
use crate::lock;

const CONSENT: &[&str] =
    &["response_type*", "client_id*", "redirect_uri*", "scope*", "state", "loginWindowOpenMode", "sandbox_choose"];
const TOKEN_FORM: &[&str] =
    &["client_id*", "client_secret*", "grant_type*", "code", "refresh_token", "user_type", "redirect_uri"];

/// `GET /oauth/chooselocation`: 302 to the app with a code and the state it sent.
pub(crate) async fn choose_location(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), CONSENT)?;
    if params.text("client_id") != world.identity.client_id {
        return Err(ApiError::bad_request(format!("No integration found with the ID: {}", params.text("client_id"))));
    }
    if params.text("response_type") != "code" {
        return Err(ApiError::bad_request("response_type must be code"));
    }
    let redirect_uri = params.text("redirect_uri");
    let known = lock(&world.redirect_uri).clone();
    if known.is_some_and(|known| known != redirect_uri) {
        return Err(ApiError::bad_request("redirect_uri does not match the app's"));
    }
    let mut target =
        url::Url::parse(redirect_uri).map_err(|_| ApiError::bad_request("redirect_uri must be an absolute URL"))?;
    let resource = chosen(&world, params.get("sandbox_choose").unwrap_or("company"))?;
    let code = lock(&world.tokens).grant_code(resource, params.text("scope"), redirect_uri, world.clock.now_ms());
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = params.get("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    Ok((StatusCode::FOUND, [(header::LOCATION, target.to_string())]).into_response())
}

fn chosen(world: &World, choice: &str) -> Result<Resource, ApiError> {
    if choice == "company" {
        return Ok(Resource::Company(world.identity.company_id.clone()));
    }
    let id = choice.strip_prefix("location:").unwrap_or(choice);
    let site = world.find_site(id).ok_or_else(|| ApiError::bad_request(format!("Location with id {id} not found")))?;
    Ok(Resource::Location(site.place.id.clone()))
}

/// `POST /oauth/token`, form only.
pub(crate) async fn token(
    State(world): State<Arc<World>>,
    cut: Option<Extension<ConnectInfo<Cut>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let params = form(&headers, &body, TOKEN_FORM)?;
    let (id, secret) = (params.text("client_id"), params.text("client_secret"));
    if id != world.identity.client_id || secret != world.identity.client_secret {
        return Err(ApiError::oauth(StatusCode::UNAUTHORIZED, "invalid_client", "Invalid client credentials"));
    }
    if params.get("user_type").is_some_and(|kind| kind != "Company" && kind != "Location") {
        return Err(ApiError::unprocessable(vec![
            "user_type must be one of the following values: Company, Location".into(),
        ]));
    }
    // Once accepted, an exchange takes effect even when the caller hangs up.
    let fault = world.next_token_fault();
    let exchange = tokio::spawn(accepted(world, params, fault));
    let answer = exchange.await.unwrap_or_else(|_| Err(ApiError::status(StatusCode::INTERNAL_SERVER_ERROR)));
    match fault {
        Some(TokenFault::CutAfterRotation) => Ok(faults::reset(cut.map(|Extension(info)| info.0).as_ref()).await),
        _ => answer,
    }
}

async fn accepted(world: Arc<World>, params: Params, fault: Option<TokenFault>) -> Answer {
    match fault {
        Some(TokenFault::Slow { ms, rotate: Rotate::Before }) => {
            let answer = exchange(&world, &params);
            world.clock.sleep(ms).await;
            answer
        }
        Some(TokenFault::Slow { ms, rotate: Rotate::After }) => {
            world.clock.sleep(ms).await;
            exchange(&world, &params)
        }
        Some(TokenFault::CutAfterRotation) | None => exchange(&world, &params),
    }
}

fn exchange(world: &World, params: &Params) -> Answer {
    let now_ms = world.clock.now_ms();
    let missing = |name: &str| ApiError::unprocessable(vec![format!("{name} should not be empty")]);
    let issued = match params.text("grant_type") {
        "authorization_code" => {
            let code = params.get("code").ok_or_else(|| missing("code"))?;
            let issued = lock(&world.tokens).exchange(code, params.get("redirect_uri"), now_ms).map_err(refuse)?;
            install(world, &issued.resource);
            issued
        }
        "refresh_token" => {
            let token = params.get("refresh_token").ok_or_else(|| missing("refresh_token"))?;
            lock(&world.tokens).rotate(token, now_ms).map_err(refuse)?
        }
        other => {
            let text = format!("grant_type {other} is not supported");
            return Err(ApiError::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", &text));
        }
    };
    reply::ok(&token_body(world, &issued))
}

/// Marks the app installed and tells it so: a company's installation covers every location when so ordered.
pub(crate) fn install(world: &World, resource: &Resource) {
    let everywhere = world.install_to_locations.load(Ordering::Relaxed);
    let locations: Vec<String> = match resource {
        Resource::Location(id) => vec![id.clone()],
        Resource::Company(_) if everywhere => world.sites.iter().map(|site| site.place.id.clone()).collect(),
        Resource::Company(_) => Vec::new(),
    };
    {
        let mut installation = lock(&world.installation);
        installation.company |= matches!(resource, Resource::Company(_));
        for id in &locations {
            installation.removed.remove(id);
            installation.locations.insert(id.clone(), world.clock.now_ms());
        }
    }
    if let Resource::Company(_) = resource {
        webhooks::installed(world, None);
    }
    locations.iter().for_each(|id| webhooks::installed(world, Some(id)));
}

/// Removes the app from a company (and all its locations) or from one location. False when the id is unknown.
pub(crate) fn uninstall(world: &World, id: &str) -> bool {
    let of_company = id == world.identity.company_id;
    if !of_company && world.find_site(id).is_none() {
        return false;
    }
    let gone: Vec<String> = match of_company {
        true => world.sites.iter().map(|site| site.place.id.clone()).collect(),
        false => vec![id.to_owned()],
    };
    webhooks::uninstalled(world, id);
    let mut installation = lock(&world.installation);
    installation.company &= !of_company;
    for location in &gone {
        installation.locations.remove(location);
        installation.removed.insert(location.clone());
    }
    drop(installation);
    let mut tokens = lock(&world.tokens);
    gone.iter().map(String::as_str).chain([id]).for_each(|id| tokens.forget(id));
    true
}

fn token_body(world: &World, issued: &Issued) -> Value {
    let identity = &world.identity;
    let mut body = json!({
        "access_token": issued.access, "token_type": "Bearer", "expires_in": issued.expires_in, "refresh_token": issued.refresh,
        "scope": issued.scope, "userType": issued.resource.user_type(), "companyId": identity.company_id, "userId": identity.user_id,
        "planId": identity.plan_id, "traceId": trace_id(),
    });
    match &issued.resource {
        Resource::Location(id) => body["locationId"] = json!(id),
        Resource::Company(_) => {
            let approved: Vec<String> = lock(&world.installation).locations.keys().cloned().collect();
            let everywhere = world.install_to_locations.load(Ordering::Relaxed);
            body["approvedLocations"] = json!(approved);
            body["isBulkInstallation"] = json!(true);
            body["installToFutureLocations"] = json!(everywhere);
            body["approveAllLocations"] = json!(everywhere);
        }
    }
    body
}

/// `POST /oauth/locationToken`: a location's access token from a company's, without a refresh token.
pub(crate) async fn location_token(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let params = form(&headers, &body, &["companyId*", "locationId*"])?;
    if params.text("companyId") != caller.resource.id() {
        return Err(ApiError::bad_request("The token does not belong to this company."));
    }
    let location = params.text("locationId");
    let site = world.site(&caller, location)?;
    if !lock(&world.installation).locations.contains_key(location) {
        return Err(ApiError::bad_request("The app is not installed on this location."));
    }
    let scope = caller.scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let issued = lock(&world.tokens).mint(&site.place.id, &scope, world.clock.now_ms());
    let identity = &world.identity;
    reply::ok(&json!({
        "access_token": issued.access, "token_type": "Bearer", "expires_in": issued.expires_in, "scope": issued.scope,
        "locationId": location, "planId": identity.plan_id, "userId": identity.user_id, "appId": identity.app_id,
        "versionId": identity.version_id, "traceId": trace_id(),
    }))
}

const INSTALLED: &[&str] =
    &["companyId*", "appId*", "skip", "limit", "query", "isInstalled", "versionId", "onTrial", "planId", "locationId"];

/// `GET /oauth/installedLocations`.
pub(crate) async fn installed_locations(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), INSTALLED)?;
    if params.text("companyId") != caller.resource.id() || params.text("appId") != world.identity.app_id {
        return Err(ApiError::bad_request("companyId or appId does not belong to the token."));
    }
    let installed = lock(&world.installation).locations.clone();
    let wanted = params.get("isInstalled").map(|text| text == "true");
    let name = params.get("query").map(str::to_lowercase);
    let all: Vec<Value> = world
        .sites
        .iter()
        .map(|site| &site.place)
        .filter(|place| wanted.is_none_or(|wanted| installed.contains_key(&place.id) == wanted))
        .filter(|place| params.get("locationId").is_none_or(|id| id == place.id))
        .filter(|place| name.as_deref().is_none_or(|name| place.name.to_lowercase().contains(name)))
        .map(|place| {
            let at = installed.get(&place.id).map(|ms| rfc3339(*ms));
            json!({"_id": place.id, "name": place.name, "address": "100 Main Street", "isInstalled": at.is_some(), "versionId": world.identity.version_id, "installedAt": at})
        })
        .collect();
    let (skip, limit) = (params.number("skip")?.unwrap_or(0), params.number("limit")?.unwrap_or(20));
    let page: Vec<&Value> =
        all.iter().skip(usize::try_from(skip).unwrap_or(0)).take(usize::try_from(limit).unwrap_or(0)).collect();
    let everywhere = world.install_to_locations.load(Ordering::Relaxed);
    reply::ok(
        &json!({"locations": page, "count": all.len(), "installToFutureLocations": everywhere, "traceId": trace_id()}),
    )
}

/// `POST /oauth/reconnect` was removed by the provider (highlevel-api-docs#333).
pub(crate) async fn reconnect() -> Response {
    reply::json(
        StatusCode::BAD_REQUEST,
        &json!({"message": "API endpoint has been removed", "error": "Bad Request", "statusCode": 400}),
    )
}

fn form(headers: &HeaderMap, body: &[u8], names: &[&str]) -> Result<Params, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(ApiError::unprocessable(vec!["the body must be application/x-www-form-urlencoded".into()]));
    }
    Params::parse(body, names)
}

fn refuse(refused: Refused) -> ApiError {
    let description = match refused {
        Refused::UnknownCode => "Invalid grant: authorization code is invalid",
        Refused::RedirectMismatch => "Invalid grant: redirect_uri does not match",
        Refused::UnknownToken => "Invalid grant: refresh token is invalid",
        Refused::Reused => "Invalid grant: refresh token was used before",
        Refused::Expired => "Invalid grant: refresh token has expired",
        Refused::Revoked => "Invalid grant: refresh token was revoked",
    };
    ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_grant", description)
}
