//! `/__control/calcom/*`: the control API of Cal.com over HTTP.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::calcom::{CalcomControl, CalcomTokenCommand};
use super::routes::{ChangesCommand, CommandResult, FaultsCommand, parse, respond};
use crate::calcom::{Attendee, Calcom, LimitRules, WebhookCommand};
use crate::sandbox::SandboxError;

pub(super) fn router(control: CalcomControl) -> Router {
    Router::new()
        .route("/__control/calcom/faults", post(faults))
        .route("/__control/calcom/limits", post(limits))
        .route("/__control/calcom/tokens", post(tokens))
        .route("/__control/calcom/webhooks", post(webhooks))
        .route("/__control/calcom/changes", post(changes))
        .with_state(control)
}

/// Returns the help texts of these commands.
pub(super) fn help() -> [(&'static str, Value); 5] {
    [
        ("POST /__control/calcom/faults", json!("same as /__control/faults, for paths below /calcom")),
        ("POST /__control/calcom/limits", json!({"rules": LimitRules::default()})),
        (
            "POST /__control/calcom/tokens",
            json!({"lifetime_s": 60, "expire": "TOKEN", "expire_all": true, "revoke": true}),
        ),
        ("POST /__control/calcom/webhooks", json!("same as /__control/webhooks; url is subscribed to every event")),
        (
            "POST /__control/calcom/changes",
            json!({"changes": [
                "{action: book, event_type, start_ms, attendee: {name, email, phone, time_zone}, metadata}", "{action: reschedule, uid, start_ms}",
                "{action: cancel | confirm | decline | mark_absent | meeting_ended, uid}", "{action: subscribe, url, secret}", "{action: ping}",
            ]}),
        ),
    ]
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsCommand {
    rules: Option<LimitRules>,
}

/// A change that the host or an attendee makes on Cal.com's web pages.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    Book {
        event_type: i64,
        start_ms: i64,
        attendee: Attendee,
        #[serde(default)]
        metadata: Value,
    },
    Reschedule {
        uid: String,
        start_ms: i64,
    },
    Cancel {
        uid: String,
    },
    Confirm {
        uid: String,
    },
    Decline {
        uid: String,
    },
    MarkAbsent {
        uid: String,
    },
    MeetingEnded {
        uid: String,
    },
    Subscribe {
        url: String,
        secret: String,
    },
    Ping {},
}

async fn faults(State(control): State<CalcomControl>, body: Bytes) -> CommandResult {
    parse::<FaultsCommand>(&body)?.apply(&control.state().shared.faults)
}

async fn limits(State(control): State<CalcomControl>, body: Bytes) -> CommandResult {
    let command: LimitsCommand = parse(&body)?;
    if let Some(rules) = command.rules {
        control.set_limits(rules);
    }
    respond(json!({"rules": control.limits()}))
}

async fn tokens(State(control): State<CalcomControl>, body: Bytes) -> CommandResult {
    let command: CalcomTokenCommand = parse(&body)?;
    respond(json!({"expired": control.update_tokens(&command)}))
}

async fn webhooks(State(control): State<CalcomControl>, body: Bytes) -> CommandResult {
    let command: WebhookCommand = parse(&body)?;
    control.update_webhooks(&command);
    let dispatcher = &control.state().shared.dispatcher;
    respond(json!({"settings": dispatcher.settings(), "counts": dispatcher.counts()}))
}

async fn changes(State(control): State<CalcomControl>, body: Bytes) -> CommandResult {
    parse::<ChangesCommand<Change>>(&body)?.apply(|change| apply(control.api(), change))
}

fn apply(calcom: &Calcom, change: Change) -> Result<Value, SandboxError> {
    match change {
        Change::Book { event_type, start_ms, attendee, metadata } => {
            calcom.book(event_type, start_ms, &attendee, &metadata)
        }
        Change::Reschedule { uid, start_ms } => calcom.reschedule(&uid, start_ms),
        Change::Cancel { uid } => calcom.cancel(&uid),
        Change::Confirm { uid } => calcom.confirm(&uid),
        Change::Decline { uid } => calcom.decline(&uid),
        Change::MarkAbsent { uid } => calcom.mark_absent(&uid),
        Change::MeetingEnded { uid } => calcom.meeting_ended(&uid).map(|()| Value::Null),
        Change::Subscribe { url, secret } => {
            calcom.subscribe(&url, &secret);
            Ok(Value::Null)
        }
        Change::Ping {} => {
            calcom.ping();
            Ok(Value::Null)
        }
    }
}
