//! `/__control/*`: the control API over HTTP. `GET /__control` lists the commands.

use std::sync::Mutex;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Control, TokenCommand};
use crate::faults::{FaultRule, Faults};
use crate::ghl::{LimitRules, WebhookCommand};
use crate::lock;
use crate::sandbox::SandboxError;

pub(super) type CommandResult = Result<Response, CommandError>;

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

/// Clears the fault rules if `clear` is set, then adds `rules`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FaultsCommand {
    rules: Vec<FaultRule>,
    clear: bool,
}

impl FaultsCommand {
    pub(super) fn apply(self, faults: &Mutex<Faults>) -> CommandResult {
        let mut faults = lock(faults);
        if self.clear {
            faults.clear();
        }
        faults.add(self.rules);
        respond(json!({"ok": true}))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClockCommand {
    advance_ms: i64,
    index_lag_ms: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsCommand {
    rules: Option<LimitRules>,
    daily_usage: Option<DailyUsage>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DailyUsage {
    resource: String,
    used: u32,
}

/// A change that a user makes in GHL's web app.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
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
pub(super) struct ChangesCommand<C> {
    changes: Vec<C>,
}

impl<C> ChangesCommand<C> {
    /// Applies the changes in order until one fails. Responds with one result per change.
    pub(super) fn apply(self, apply: impl FnMut(C) -> Result<Value, SandboxError>) -> CommandResult {
        let results: Result<Vec<Value>, SandboxError> = self.changes.into_iter().map(apply).collect();
        respond(json!({"results": results?}))
    }
}

async fn faults(State(control): State<Control>, body: Bytes) -> CommandResult {
    parse::<FaultsCommand>(&body)?.apply(&control.ghl().state.shared.faults)
}

async fn clock(State(control): State<Control>, body: Bytes) -> CommandResult {
    let command: ClockCommand = parse(&body)?;
    control.advance_clock(command.advance_ms);
    if let Some(lag_ms) = command.index_lag_ms {
        control.set_index_lag(lag_ms);
    }
    respond(json!({"now_ms": control.now_ms()}))
}

async fn limits(State(control): State<Control>, body: Bytes) -> CommandResult {
    let command: LimitsCommand = parse(&body)?;
    if let Some(rules) = command.rules {
        control.set_limits(rules);
    }
    if let Some(DailyUsage { resource, used }) = command.daily_usage {
        control.set_daily_usage(&resource, used);
    }
    respond(json!({"rules": control.limits()}))
}

async fn tokens(State(control): State<Control>, body: Bytes) -> CommandResult {
    let command: TokenCommand = parse(&body)?;
    respond(json!({"expired": control.update_tokens(&command)?}))
}

async fn webhooks(State(control): State<Control>, body: Bytes) -> CommandResult {
    let command: WebhookCommand = parse(&body)?;
    control.update_webhooks(&command);
    let dispatcher = &control.ghl().state.shared.dispatcher;
    respond(json!({"settings": dispatcher.settings(), "counts": dispatcher.counts()}))
}

async fn changes(State(control): State<Control>, body: Bytes) -> CommandResult {
    parse::<ChangesCommand<Change>>(&body)?.apply(|change| apply(&control, change))
}

fn apply(control: &Control, change: Change) -> Result<Value, SandboxError> {
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
        Change::AllowDuplicates { location, allow } => {
            control.set_allow_duplicates(&location, allow).map(|()| Value::Null)
        }
    }
}

async fn reset(State(control): State<Control>) -> CommandResult {
    control.reset();
    respond(json!({"ok": true}))
}

async fn state(State(control): State<Control>, RawQuery(query): RawQuery) -> CommandResult {
    let query = query.unwrap_or_default();
    let full = url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "full" && value != "false");
    respond(control.state(full))
}

async fn env(State(control): State<Control>) -> CommandResult {
    let env = control.env().into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    respond(Value::Object(env))
}

async fn help() -> CommandResult {
    let mut help = json!({
        "GET /__control/state?full=true|false": "settings and counts; with full=true also contacts, appointments, opportunities, bookings and deliveries",
        "GET /__control/env": "the environment variables that connect a server to the sandbox",
        "POST /__control/faults": {"clear": true, "rules": [{"method": "GET", "path": "/contacts", "location": "ID", "times": 3, "probability": 0.5,
            "fault": "{kind: latency, ms} | {kind: reset} | {kind: reset_after} | {kind: status, status} | {kind: truncate} | {kind: slow_drip, bytes, ms}"}]},
        "POST /__control/clock": {"advance_ms": 60_000, "index_lag_ms": 5_000},
        "POST /__control/limits": {"rules": LimitRules::default(), "daily_usage": {"resource": "LOCATION OR COMPANY ID", "used": 199_990}},
        "POST /__control/tokens": {"lifetime_s": 60, "expire": "TOKEN", "expire_resource": "ID", "expire_all": true, "times": 1, "clear_faults": true,
            "fault": "{kind: slow, ms, rotate: before|after} | {kind: reset_after_rotation}", "redirect_uri": "URL", "install_to_locations": true,
            "install": "ID", "uninstall": "ID"},
        "POST /__control/webhooks": {"url": "URL", "hold": true, "duplicates": 2, "shuffle": true, "drop_percent": 5, "retry_interval_ms": 600_000,
            "retry_jitter_ms": 60_000, "max_retries": 6, "timeout_ms": 10_000, "clock_skew_ms": 2_000, "unknown": 1, "forged": 1, "redeliver_lost": true},
        "POST /__control/changes": {"changes": [{"action": "create_contact", "location": "ID", "fields": {"firstName": "Ann"}},
            {"action": "update_contact | update_appointment | update_opportunity", "id": "ID", "fields": {}},
            {"action": "delete_contact | delete_appointment | delete_opportunity", "id": "ID"},
            {"action": "create_appointment", "location": "ID", "fields": {"calendarId": "ID", "contactId": "ID", "startTime": "RFC 3339"}},
            {"action": "create_opportunity", "location": "ID", "fields": {"pipelineId": "ID", "contactId": "ID", "name": "Course", "status": "open"}},
            {"action": "allow_duplicates", "location": "ID", "allow": true}]},
        "POST /__control/reset": "removes faults and counts and restores limits and webhook settings; data, tokens and time remain",
    });
    for (command, description) in super::calcom_routes::help() {
        help[command] = description;
    }
    respond(help)
}

/// A command that is not valid or cannot be applied.
#[derive(Debug)]
pub(super) struct CommandError(String);

impl From<SandboxError> for CommandError {
    fn from(error: SandboxError) -> Self {
        Self(error.to_string())
    }
}

impl IntoResponse for CommandError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, axum::Json(json!({"error": self.0}))).into_response()
    }
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, CommandError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| CommandError(format!("{error}; GET /__control lists the commands")))
}

pub(super) fn respond(body: Value) -> CommandResult {
    Ok(axum::Json(body).into_response())
}
