//! `/__control/*`: the same orders as JSON. `GET /__control` lists them.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Control, TokenOrder};
use crate::ghl::{FaultRule, LimitRules, WebhookOrder};
use crate::sandbox::SandboxError;

pub(super) type Answer = Result<Response, OrderError>;

pub(crate) fn router(control: Control) -> Router {
    let calcom = super::calcom_routes::router(control.calcom().clone());
    Router::new()
        .route("/__control", get(help))
        .route("/__control/state", get(state))
        .route("/__control/env", get(env))
        .route("/__control/faults", post(faults))
        .route("/__control/clock", post(clock))
        .route("/__control/limits", post(limits))
        .route("/__control/tokens", post(tokens))
        .route("/__control/webhooks", post(webhooks))
        .route("/__control/changes", post(changes))
        .route("/__control/reset", post(reset))
        .with_state(control)
        .merge(calcom)
}

/// `{rules: [...], clear}`: clears first, then adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FaultOrder {
    pub(super) rules: Vec<FaultRule>,
    pub(super) clear: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClockOrder {
    jump_ms: i64,
    index_lag_ms: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitOrder {
    rules: Option<LimitRules>,
    spend_day: Option<SpentDay>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpentDay {
    resource: String,
    used: u32,
}

/// A change "by somebody in the provider's user interface".
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    CreateContact { location: String, fields: Value },
    UpdateContact { id: String, fields: Value },
    DeleteContact { id: String },
    CreateAppointment { location: String, fields: Value },
    UpdateAppointment { id: String, fields: Value },
    DeleteAppointment { id: String },
    CreateOpportunity { location: String, fields: Value },
    UpdateOpportunity { id: String, fields: Value },
    DeleteOpportunity { id: String },
    AllowDuplicates { location: String, allow: bool },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeOrder {
    changes: Vec<Change>,
}

async fn faults(State(control): State<Control>, body: Bytes) -> Answer {
    let order: FaultOrder = read(&body)?;
    if order.clear {
        control.clear_faults();
    }
    control.faults(order.rules);
    done(json!({"ok": true}))
}

async fn clock(State(control): State<Control>, body: Bytes) -> Answer {
    let order: ClockOrder = read(&body)?;
    control.jump(order.jump_ms);
    if let Some(lag_ms) = order.index_lag_ms {
        control.index_lag(lag_ms);
    }
    done(json!({"now_ms": control.now_ms()}))
}

async fn limits(State(control): State<Control>, body: Bytes) -> Answer {
    let order: LimitOrder = read(&body)?;
    if let Some(rules) = order.rules {
        control.limits(rules);
    }
    if let Some(SpentDay { resource, used }) = order.spend_day {
        control.spend_day(&resource, used);
    }
    done(json!({"rules": control.limit_rules()}))
}

async fn tokens(State(control): State<Control>, body: Bytes) -> Answer {
    let order: TokenOrder = read(&body)?;
    done(json!({"expired": control.tokens(&order)?}))
}

async fn webhooks(State(control): State<Control>, body: Bytes) -> Answer {
    let order: WebhookOrder = read(&body)?;
    control.webhooks(&order);
    done(json!({"settings": control.ghl().world.mailer.settings(), "counts": control.ghl().counts().webhooks}))
}

async fn changes(State(control): State<Control>, body: Bytes) -> Answer {
    let order: ChangeOrder = read(&body)?;
    let results: Result<Vec<Value>, SandboxError> =
        order.changes.into_iter().map(|change| carry_out(&control, change)).collect();
    done(json!({"results": results?}))
}

fn carry_out(control: &Control, change: Change) -> Result<Value, SandboxError> {
    let ghl = control.ghl();
    match change {
        Change::CreateContact { location, fields } => ghl.create_contact(&location, &fields),
        Change::UpdateContact { id, fields } => ghl.update_contact(&id, &fields),
        Change::DeleteContact { id } => ghl.delete_contact(&id).map(|()| Value::Null),
        Change::CreateAppointment { location, fields } => ghl.create_appointment(&location, &fields),
        Change::UpdateAppointment { id, fields } => ghl.update_appointment(&id, &fields),
        Change::DeleteAppointment { id } => ghl.delete_appointment(&id).map(|()| Value::Null),
        Change::CreateOpportunity { location, fields } => ghl.create_opportunity(&location, &fields),
        Change::UpdateOpportunity { id, fields } => ghl.update_opportunity(&id, &fields),
        Change::DeleteOpportunity { id } => ghl.delete_opportunity(&id).map(|()| Value::Null),
        Change::AllowDuplicates { location, allow } => control.allow_duplicates(&location, allow).map(|()| Value::Null),
    }
}

async fn reset(State(control): State<Control>) -> Answer {
    control.reset();
    done(json!({"ok": true}))
}

async fn state(State(control): State<Control>, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let full = url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "full" && value != "false");
    done(control.state(full))
}

async fn env(State(control): State<Control>) -> Answer {
    let env = control.env().into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    done(Value::Object(env))
}

async fn help() -> Answer {
    let mut help = json!({
        "GET /__control/state?full=true|false": "everything held and counted; contacts, appointments, opportunities, bookings and deliveries only when full",
        "GET /__control/env": "the environment to start a server with",
        "POST /__control/faults": {"clear": true, "rules": [{"method": "GET", "path": "/contacts", "location": "ID", "times": 3, "probability": 0.5,
            "fault": "{kind: latency, ms} | {kind: reset} | {kind: reset_after} | {kind: status, status} | {kind: truncate} | {kind: slow_drip, bytes, ms}"}]},
        "POST /__control/clock": {"jump_ms": 60_000, "index_lag_ms": 5_000},
        "POST /__control/limits": {"rules": LimitRules::default(), "spend_day": {"resource": "LOCATION OR COMPANY ID", "used": 199_990}},
        "POST /__control/tokens": {"lifetime_s": 60, "expire": "TOKEN", "expire_resource": "ID", "expire_all": true, "times": 1, "clear_faults": true,
            "fault": "{kind: slow, ms, rotate: before|after} | {kind: cut_after_rotation}", "redirect_uri": "URL", "install_to_locations": true,
            "install": "ID", "uninstall": "ID"},
        "POST /__control/webhooks": {"url": "URL", "hold": true, "duplicate": 2, "shuffle": true, "drop_percent": 5, "resend_interval_ms": 600_000,
            "resend_jitter_ms": 60_000, "resends": 6, "timeout_ms": 10_000, "skew_ms": 2_000, "unknown": 1, "forged": 1, "redeliver_lost": true},
        "POST /__control/changes": {"changes": [{"do": "create_contact", "location": "ID", "fields": {"firstName": "Ann"}},
            {"do": "update_contact | update_appointment | update_opportunity", "id": "ID", "fields": {}},
            {"do": "delete_contact | delete_appointment | delete_opportunity", "id": "ID"},
            {"do": "create_appointment", "location": "ID", "fields": {"calendarId": "ID", "contactId": "ID", "startTime": "RFC 3339"}},
            {"do": "create_opportunity", "location": "ID", "fields": {"pipelineId": "ID", "contactId": "ID", "name": "Course", "status": "open"}},
            {"do": "allow_duplicates", "location": "ID", "allow": true}]},
        "POST /__control/reset": "ends faults and orders, forgets counts; contacts, bookings, tokens and time stay",
    });
    for (order, what) in super::calcom_routes::help() {
        help[order] = what;
    }
    done(help)
}

/// An order that cannot be followed.
#[derive(Debug)]
pub(super) struct OrderError(String);

impl From<SandboxError> for OrderError {
    fn from(error: SandboxError) -> Self {
        Self(error.to_string())
    }
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, axum::Json(json!({"error": self.0}))).into_response()
    }
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, OrderError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| OrderError(format!("{error}; GET /__control lists the orders")))
}

pub(super) fn done(body: Value) -> Answer {
    Ok(axum::Json(body).into_response())
}
