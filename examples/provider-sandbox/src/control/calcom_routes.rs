//! `/__control/calcom/*`: the same orders as JSON.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::calcom::{CalcomControl, CalcomTokenOrder};
use super::routes::{Answer, FaultOrder, done, read};
use crate::calcom::{Attendee, LimitRules, WebhookOrder};
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

/// What `GET /__control` says of these.
pub(super) fn help() -> [(&'static str, Value); 5] {
    [
        ("POST /__control/calcom/faults", json!("as /__control/faults, for paths below /calcom")),
        ("POST /__control/calcom/limits", json!({"rules": LimitRules::default()})),
        (
            "POST /__control/calcom/tokens",
            json!({"lifetime_s": 60, "expire": "TOKEN", "expire_all": true, "revoke": true}),
        ),
        ("POST /__control/calcom/webhooks", json!("as /__control/webhooks; url is subscribed to every event")),
        (
            "POST /__control/calcom/changes",
            json!({"changes": [
                "{do: book, event_type, start_ms, attendee: {name, email, phone, time_zone}, metadata}", "{do: reschedule, uid, start_ms}",
                "{do: cancel | confirm | decline | mark_absent | meeting_ended, uid}", "{do: deliver_to, url, secret}", "{do: ping}",
            ]}),
        ),
    ]
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitOrder {
    rules: Option<LimitRules>,
}

/// What a person does on Cal.com's own pages.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
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
    DeliverTo {
        url: String,
        secret: String,
    },
    Ping {},
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeOrder {
    changes: Vec<Change>,
}

async fn faults(State(control): State<CalcomControl>, body: Bytes) -> Answer {
    let order: FaultOrder = read(&body)?;
    if order.clear {
        control.clear_faults();
    }
    control.faults(order.rules);
    done(json!({"ok": true}))
}

async fn limits(State(control): State<CalcomControl>, body: Bytes) -> Answer {
    let order: LimitOrder = read(&body)?;
    if let Some(rules) = order.rules {
        control.limits(rules);
    }
    done(json!({"rules": control.limit_rules()}))
}

async fn tokens(State(control): State<CalcomControl>, body: Bytes) -> Answer {
    let order: CalcomTokenOrder = read(&body)?;
    done(json!({"expired": control.tokens(&order)}))
}

async fn webhooks(State(control): State<CalcomControl>, body: Bytes) -> Answer {
    let order: WebhookOrder = read(&body)?;
    control.webhooks(&order);
    done(json!({"settings": control.world().mailer.settings(), "counts": control.handle().counts().webhooks}))
}

async fn changes(State(control): State<CalcomControl>, body: Bytes) -> Answer {
    let order: ChangeOrder = read(&body)?;
    let results: Result<Vec<Value>, SandboxError> =
        order.changes.into_iter().map(|change| carry_out(&control, change)).collect();
    done(json!({"results": results?}))
}

fn carry_out(control: &CalcomControl, change: Change) -> Result<Value, SandboxError> {
    let calcom = control.handle();
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
        Change::DeliverTo { url, secret } => {
            calcom.deliver_to(&url, &secret);
            Ok(Value::Null)
        }
        Change::Ping {} => {
            calcom.ping();
            Ok(Value::Null)
        }
    }
}
