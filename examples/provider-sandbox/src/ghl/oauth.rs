//! OAuth: the consent page, the token endpoint, location tokens and installed locations.
//! The consent page consents at once; `sandbox_choose=company|location:<id>` selects the resource.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Extension;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::response::{self, ApiError, ApiResult, trace_id};
use super::schema::Params;
use super::state::{GhlState, RequestContext, Rotate, TokenFault};
use super::tokens::{GrantError, IssuedTokens, Resource};
use super::webhooks;
use crate::clock::rfc3339;
use crate::connection::ResetHandle;
use crate::faults;
use crate::http_io::{is_form, json_response, redirect_with_code};
use crate::lock;

const CONSENT_PARAMS: &[&str] =
    &["response_type*", "client_id*", "redirect_uri*", "scope*", "state", "loginWindowOpenMode", "sandbox_choose"];
const TOKEN_PARAMS: &[&str] =
    &["client_id*", "client_secret*", "grant_type*", "code", "refresh_token", "user_type", "redirect_uri"];

/// `GET /oauth/chooselocation`.
pub(crate) async fn choose_location(State(state): State<Arc<GhlState>>, RawQuery(query): RawQuery) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), CONSENT_PARAMS)?;
    if params.text("client_id") != state.identity.client_id {
        return Err(ApiError::bad_request(format!("No integration found with the ID: {}", params.text("client_id"))));
    }
    if params.text("response_type") != "code" {
        return Err(ApiError::bad_request("response_type must be code"));
    }
    let redirect_uri = params.text("redirect_uri");
    let registered = lock(&state.redirect_uri).clone();
    if registered.is_some_and(|registered| registered != redirect_uri) {
        return Err(ApiError::bad_request("redirect_uri does not match the app's"));
    }
    let target =
        url::Url::parse(redirect_uri).map_err(|_| ApiError::bad_request("redirect_uri must be an absolute URL"))?;
    let resource = chosen_resource(&state, params.get("sandbox_choose").unwrap_or("company"))?;
    let code = lock(&state.tokens).grant_code(resource, params.text("scope"), redirect_uri, state.clock.now_ms());
    Ok(redirect_with_code(target, &code, params.get("state")))
}

fn chosen_resource(state: &GhlState, choice: &str) -> Result<Resource, ApiError> {
    if choice == "company" {
        return Ok(Resource::Company(state.identity.company_id.clone()));
    }
    let id = choice.strip_prefix("location:").unwrap_or(choice);
    let location =
        state.find_location(id).ok_or_else(|| ApiError::bad_request(format!("Location with id {id} not found")))?;
    Ok(Resource::Location(location.profile.id.clone()))
}

/// `POST /oauth/token`; accepts forms only.
pub(crate) async fn token(
    State(state): State<Arc<GhlState>>,
    connection: Option<Extension<ConnectInfo<ResetHandle>>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let params = form(&headers, &body, TOKEN_PARAMS)?;
    let (id, secret) = (params.text("client_id"), params.text("client_secret"));
    if id != state.identity.client_id || secret != state.identity.client_secret {
        return Err(ApiError::oauth(StatusCode::UNAUTHORIZED, "invalid_client", "Invalid client credentials"));
    }
    if params.get("user_type").is_some_and(|kind| kind != "Company" && kind != "Location") {
        return Err(ApiError::invalid("user_type must be one of the following values: Company, Location"));
    }
    // Runs in its own task, so that an accepted request takes effect even if the caller disconnects.
    let fault = state.take_token_fault();
    let exchange = tokio::spawn(exchange_with_fault(state, params, fault));
    let result = exchange.await.unwrap_or_else(|_| Err(ApiError::status(StatusCode::INTERNAL_SERVER_ERROR)));
    match fault {
        Some(TokenFault::ResetAfterRotation) => {
            Ok(faults::reset(connection.map(|Extension(info)| info.0).as_ref()).await)
        }
        _ => result,
    }
}

async fn exchange_with_fault(state: Arc<GhlState>, params: Params, fault: Option<TokenFault>) -> ApiResult {
    match fault {
        Some(TokenFault::Slow { ms, rotate: Rotate::Before }) => {
            let result = exchange(&state, &params);
            state.clock.sleep(ms).await;
            result
        }
        Some(TokenFault::Slow { ms, rotate: Rotate::After }) => {
            state.clock.sleep(ms).await;
            exchange(&state, &params)
        }
        Some(TokenFault::ResetAfterRotation) | None => exchange(&state, &params),
    }
}

fn exchange(state: &GhlState, params: &Params) -> ApiResult {
    let now_ms = state.clock.now_ms();
    let missing = |name: &str| ApiError::invalid(format!("{name} should not be empty"));
    let issued = match params.text("grant_type") {
        "authorization_code" => {
            let code = params.get("code").ok_or_else(|| missing("code"))?;
            let issued = lock(&state.tokens).exchange(code, params.get("redirect_uri"), now_ms).map_err(grant_error)?;
            install(state, &issued.resource);
            issued
        }
        "refresh_token" => {
            let token = params.get("refresh_token").ok_or_else(|| missing("refresh_token"))?;
            lock(&state.tokens).rotate(token, now_ms).map_err(grant_error)?
        }
        other => {
            let description = format!("grant_type {other} is not supported");
            return Err(ApiError::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", &description));
        }
    };
    response::ok(&token_body(state, &issued))
}

/// Installs the app on a location, or on the company and, if `install_to_locations` is set, on its locations. Sends INSTALL events.
pub(crate) fn install(state: &GhlState, resource: &Resource) {
    let install_to_locations = state.install_to_locations.load(Ordering::Relaxed);
    let locations: Vec<String> = match resource {
        Resource::Location(id) => vec![id.clone()],
        Resource::Company(_) if install_to_locations => {
            state.locations.iter().map(|location| location.profile.id.clone()).collect()
        }
        Resource::Company(_) => Vec::new(),
    };
    {
        let mut installation = lock(&state.installation);
        installation.company |= matches!(resource, Resource::Company(_));
        for id in &locations {
            installation.removed.remove(id);
            installation.locations.insert(id.clone(), state.clock.now_ms());
        }
    }
    if let Resource::Company(_) = resource {
        webhooks::install(state, None);
    }
    locations.iter().for_each(|id| webhooks::install(state, Some(id)));
}

/// Uninstalls the app from the company and all its locations, or from one location. Returns false if the id is unknown.
pub(crate) fn uninstall(state: &GhlState, id: &str) -> bool {
    let is_company = id == state.identity.company_id;
    if !is_company && state.find_location(id).is_none() {
        return false;
    }
    let removed: Vec<String> = match is_company {
        true => state.locations.iter().map(|location| location.profile.id.clone()).collect(),
        false => vec![id.to_owned()],
    };
    webhooks::uninstall(state, id);
    let mut installation = lock(&state.installation);
    installation.company &= !is_company;
    for location_id in &removed {
        installation.locations.remove(location_id);
        installation.removed.insert(location_id.clone());
    }
    drop(installation);
    let mut tokens = lock(&state.tokens);
    removed.iter().map(String::as_str).chain([id]).for_each(|id| tokens.revoke_resource(id));
    true
}

fn token_body(state: &GhlState, issued: &IssuedTokens) -> Value {
    let identity = &state.identity;
    let mut body = json!({
        "access_token": issued.access, "token_type": "Bearer", "expires_in": issued.expires_in, "refresh_token": issued.refresh,
        "scope": issued.scope, "userType": issued.resource.user_type(), "companyId": identity.company_id, "userId": identity.user_id,
        "planId": identity.plan_id, "traceId": trace_id(),
    });
    match &issued.resource {
        Resource::Location(id) => body["locationId"] = json!(id),
        Resource::Company(_) => {
            let approved_locations: Vec<String> = lock(&state.installation).locations.keys().cloned().collect();
            let install_to_locations = state.install_to_locations.load(Ordering::Relaxed);
            body["approvedLocations"] = json!(approved_locations);
            body["isBulkInstallation"] = json!(true);
            body["installToFutureLocations"] = json!(install_to_locations);
            body["approveAllLocations"] = json!(install_to_locations);
        }
    }
    body
}

/// `POST /oauth/locationToken`: mints a location token with a company token, without a refresh token.
pub(crate) async fn location_token(
    (State(state), Extension(caller)): RequestContext,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let params = form(&headers, &body, &["companyId*", "locationId*"])?;
    if params.text("companyId") != caller.resource.id() {
        return Err(ApiError::bad_request("The token does not belong to this company."));
    }
    let location_id = params.text("locationId");
    let location = state.authorized_location(&caller, location_id)?;
    if !lock(&state.installation).locations.contains_key(location_id) {
        return Err(ApiError::bad_request("The app is not installed on this location."));
    }
    let scope = caller.scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let issued = lock(&state.tokens).mint(&location.profile.id, &scope, state.clock.now_ms());
    let identity = &state.identity;
    response::ok(&json!({
        "access_token": issued.access, "token_type": "Bearer", "expires_in": issued.expires_in, "scope": issued.scope,
        "locationId": location_id, "planId": identity.plan_id, "userId": identity.user_id, "appId": identity.app_id,
        "versionId": identity.version_id, "traceId": trace_id(),
    }))
}

const INSTALLED_LOCATIONS_PARAMS: &[&str] =
    &["companyId*", "appId*", "skip", "limit", "query", "isInstalled", "versionId", "onTrial", "planId", "locationId"];

/// `GET /oauth/installedLocations`.
pub(crate) async fn installed_locations(
    (State(state), Extension(caller)): RequestContext,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), INSTALLED_LOCATIONS_PARAMS)?;
    if params.text("companyId") != caller.resource.id() || params.text("appId") != state.identity.app_id {
        return Err(ApiError::bad_request("companyId or appId does not belong to the token."));
    }
    let installed = lock(&state.installation).locations.clone();
    let is_installed = params.get("isInstalled").map(|text| text == "true");
    let name = params.get("query").map(str::to_lowercase);
    let all: Vec<Value> = state
        .locations
        .iter()
        .map(|location| &location.profile)
        .filter(|profile| is_installed.is_none_or(|expected| installed.contains_key(&profile.id) == expected))
        .filter(|profile| params.get("locationId").is_none_or(|id| id == profile.id))
        .filter(|profile| name.as_deref().is_none_or(|name| profile.name.to_lowercase().contains(name)))
        .map(|profile| {
            let installed_at = installed.get(&profile.id).map(|ms| rfc3339(*ms));
            json!({"_id": profile.id, "name": profile.name, "address": "100 Main Street", "isInstalled": installed_at.is_some(), "versionId": state.identity.version_id, "installedAt": installed_at})
        })
        .collect();
    let (skip, limit) = (params.number("skip")?.unwrap_or(0), params.number("limit")?.unwrap_or(20));
    let page: Vec<&Value> =
        all.iter().skip(usize::try_from(skip).unwrap_or(0)).take(usize::try_from(limit).unwrap_or(0)).collect();
    let install_to_locations = state.install_to_locations.load(Ordering::Relaxed);
    response::ok(
        &json!({"locations": page, "count": all.len(), "installToFutureLocations": install_to_locations, "traceId": trace_id()}),
    )
}

/// `POST /oauth/reconnect`, which the provider has removed (highlevel-api-docs#333).
pub(crate) async fn reconnect() -> Response {
    json_response(
        StatusCode::BAD_REQUEST,
        &json!({"message": "API endpoint has been removed", "error": "Bad Request", "statusCode": 400}),
    )
}

fn form(headers: &HeaderMap, body: &[u8], names: &[&str]) -> Result<Params, ApiError> {
    if !is_form(headers) {
        return Err(ApiError::invalid("the body must be application/x-www-form-urlencoded"));
    }
    Params::parse(body, names)
}

fn grant_error(error: GrantError) -> ApiError {
    let description = match error {
        GrantError::UnknownCode => "Invalid grant: authorization code is invalid",
        GrantError::RedirectMismatch => "Invalid grant: redirect_uri does not match",
        GrantError::UnknownToken => "Invalid grant: refresh token is invalid",
        GrantError::Reused => "Invalid grant: refresh token was used before",
        GrantError::Expired => "Invalid grant: refresh token has expired",
        GrantError::Revoked => "Invalid grant: refresh token was revoked",
    };
    ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_grant", description)
}
