//! A server on a port with sandboxes of both providers, all connected, and the state of both sides.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::body::Body;
use crm_server::{
    Running,
    app::App,
    booking_sync,
    calcom::settings::{self, Mapping},
    config::Config,
    ghl::events::SOURCE,
    router,
    sync::sources::{CALCOM_BOOKINGS, GHL_EVENTS},
    sync::{run, schedule::SyncOptions},
};
use ghl_client::SCOPES;
use http::{Method, Request, StatusCode, header, request::Builder};
use provider_sandbox::{
    Sandbox,
    calcom::{Attendee, WebhookCommand},
};
use serde_json::{Value, json};
use sidecar_core::{
    Clock, OrganizationId, SystemClock, Timestamp,
    commit::Batch,
    sync::{Engine, EngineConfig, SyncError},
    token::TokenSet,
};
use sidecar_store::Organization;
use tower::ServiceExt;

/// The operator's token.
const TOKEN: &str = "operator-of-the-tests";
/// A quarter of an hour, in milliseconds.
pub(crate) const SLOT_MS: i64 = 15 * 60_000;
/// How long the server may take to become idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How far the providers' clocks may be ahead of the server's.
const CLOCK_SKEW: Duration = Duration::from_secs(2);
/// The limit of the Cal.com account.
const CALLS_PER_MINUTE: u32 = 60_000;

pub(crate) struct TestServer {
    pub(crate) sandbox: Sandbox,
    pub(crate) organization: OrganizationId,
    /// One for each location.
    pub(crate) targets: Vec<Target>,
    running: Running,
    /// The first time that can be booked, in epoch milliseconds.
    first_slot: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) location: String,
    pub(crate) calendar: String,
    pub(crate) contact: String,
    pub(crate) event_type: i64,
    /// An event type whose bookings the host has to confirm.
    pub(crate) confirmed_by_host: i64,
}

/// Start and end in epoch milliseconds, and the status.
pub(crate) type State = (i64, i64, &'static str);

impl TestServer {
    /// Starts a server with this number of locations and two event types for each.
    pub(crate) async fn new(seed: u64, locations: u32) -> Self {
        let sandbox = Sandbox::builder().seed(seed).contacts(3).locations(locations).start().await.unwrap();
        for location in sandbox.ghl().location_ids() {
            // They would block their times.
            for appointment in sandbox.ghl().appointments(&location) {
                sandbox.ghl().delete_appointment(appointment["id"].as_str().unwrap()).unwrap();
            }
        }
        let organization = OrganizationId::from("org_1");
        let mut variables: BTreeMap<String, String> =
            sandbox.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            ("SIDECAR_ENV", "test"),
            ("BIND_ADDR", "127.0.0.1:0"),
            ("DATABASE_URL", "sqlite::memory:"),
            ("CALCOM_ORGANIZATION_ID", "org_1"),
            ("SIDECAR_OPERATOR_TOKEN", TOKEN),
            ("WEBHOOK_LIMIT_PER_SECOND", "0"),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        // The organization connects itself, so that tests can change the connection.
        variables.remove("CALCOM_API_KEY");
        let unlimited = provider_sandbox::calcom::LimitRules { per_key: CALLS_PER_MINUTE, ..Default::default() };
        sandbox.control().calcom().set_limits(unlimited);
        let running = crm_server::serve(Config::from_variables(variables).unwrap()).await.unwrap();
        let app = running.app().clone();
        let row = Organization {
            id: organization.clone(),
            slug: "one".to_owned(),
            name: "One".to_owned(),
            created_at: app.now(),
        };
        app.store.create_organization(&row).await.unwrap();
        connect_ghl(&app, &sandbox, &organization).await;
        app.calcom
            .tokens(&organization, &settings::CalcomSettings::default())
            .adopt_api_key(sandbox.calcom().api_key().into())
            .await
            .unwrap();
        let targets = open_hours(&sandbox);
        let mapping =
            |target: &Target| Mapping { location_id: target.location.clone(), calendar_id: target.calendar.clone() };
        let both =
            |target: &Target| [(target.event_type, mapping(target)), (target.confirmed_by_host, mapping(target))];
        let settings_value = settings::CalcomSettings {
            mapping: targets.iter().flat_map(both).collect(),
            calls_per_minute: Some(CALLS_PER_MINUTE),
            ..Default::default()
        };
        assert!(settings::write(&*app.store, &organization, 0, &settings_value).await.unwrap());
        let day = 86_400_000;
        let first_slot = (sandbox.control().now_ms() / day + 1) * day;
        let server = Self { sandbox, organization, targets, running, first_slot };
        let webhooks = format!("http://{}/api/webhooks", server.running.addr);
        server.sandbox.ghl().set_webhook_url(format!("{webhooks}/ghl"));
        let calcom = server.sandbox.calcom();
        calcom.subscribe(&format!("{webhooks}/calcom"), calcom.webhook_secret());
        // As the route that changes settings does.
        server.app().sync_schedule.schedule_bookings(&server.organization).await.unwrap();
        server.wait_for_syncs().await;
        server.wait_until_idle().await;
        server
    }

    pub(crate) fn app(&self) -> &App {
        self.running.app()
    }

    /// Changes the connection to Cal.com.
    pub(crate) async fn change(&self, request: &Value) -> StatusCode {
        self.call(Method::PUT, "integrations/calcom", Some(request)).await.0
    }

    /// Posts with an idempotency key.
    pub(crate) async fn post_with_key(&self, rest: &str, key: &str, request: &Value) -> (StatusCode, Value) {
        self.send(self.request(Method::POST, rest).header("Idempotency-Key", key), Some(request)).await
    }

    /// Disconnects Cal.com.
    pub(crate) async fn disconnect(&self) -> StatusCode {
        self.call(Method::DELETE, "integrations/calcom", None).await.0
    }

    /// Calls a route of the organization as the operator.
    pub(crate) async fn call(&self, method: Method, rest: &str, body: Option<&Value>) -> (StatusCode, Value) {
        self.send(self.request(method, rest), body).await
    }

    fn request(&self, method: Method, rest: &str) -> Builder {
        let path = format!("/api/organizations/{}/{rest}", self.organization);
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        request.header(header::CONTENT_TYPE, "application/json")
    }

    async fn send(&self, request: Builder, body: Option<&Value>) -> (StatusCode, Value) {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let body = router::web(self.app().clone()).oneshot(request.body(body).unwrap()).await.unwrap();
        let status = body.status();
        let body = axum::body::to_bytes(body.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Starts a backfill, as after a full sync.
    pub(crate) async fn backfill(&self) {
        let outbox = vec![booking_sync::backfill_task(&self.organization, self.app().now())];
        self.app().records.commit(Batch { outbox, ..Batch::default() }).await.unwrap();
        self.app().outbox_wake.notify_one();
    }

    /// The start of the slot with this number, in epoch milliseconds.
    pub(crate) fn slot(&self, number: usize) -> i64 {
        // The last slots of each day stay free, so that slots of different days do not touch.
        let (day, quarter) = (number / 90, number % 90);
        self.first_slot + (day * 96 + quarter) as i64 * SLOT_MS
    }

    /// Books at Cal.com and returns the uid.
    pub(crate) fn book(&self, event_type: i64, slot: usize, who: &str, metadata: &Value) -> String {
        let attendee = Attendee::new(who, format!("{who}@example.com"));
        let booking = self.sandbox.calcom().book(event_type, self.slot(slot), &attendee, metadata).unwrap();
        booking["uid"].as_str().unwrap().to_owned()
    }

    /// Configures how both providers deliver their webhooks.
    pub(crate) fn deliver(&self, command: &WebhookCommand) {
        self.sandbox.control().update_webhooks(command);
        self.sandbox.control().calcom().update_webhooks(command);
    }

    /// Syncs bookings and appointments. Without an index lag, so that recent changes may be removed too.
    pub(crate) async fn sync(&self) {
        let (store, clock) = (&self.app().store, Arc::clone(&self.app().clock));
        let at_once = EngineConfig { index_lag: Duration::ZERO, ..self.app().engine.config().clone() };
        let engine = Engine::new(
            Arc::clone(&self.app().records),
            Arc::clone(store) as _,
            Arc::clone(store) as _,
            clock,
            at_once,
        );
        let app = self.app().with_engine(engine);
        SystemClock::new().sleep(CLOCK_SKEW).await;
        let statuses = self.app().store.statuses(&self.organization).await.unwrap();
        let keys = statuses.into_iter().map(|status| status.key);
        let synced = keys.filter(|key| matches!(&*key.source, CALCOM_BOOKINGS | GHL_EVENTS));
        let clock = SystemClock::new();
        for key in synced {
            self.app().store.schedule(&key, self.app().now(), false).await.unwrap();
            loop {
                match Box::pin(run::run(&app, &key, &())).await {
                    Ok(_) => break,
                    // The scheduler runs the source already.
                    Err(SyncError::Busy(_)) => clock.sleep(Duration::from_millis(50)).await,
                    Err(error) => panic!("{key}: {error}"),
                }
            }
        }
    }

    /// Waits until no source is due or running.
    pub(crate) async fn wait_for_syncs(&self) {
        let clock = SystemClock::new();
        loop {
            let statuses = self.app().store.statuses(&self.organization).await.unwrap();
            let due = |at: Option<Timestamp>| at.is_none_or(|at| at <= self.app().now());
            if statuses.iter().all(|status| status.last_sync_at.is_some() && !due(status.next_run_at)) {
                return;
            }
            clock.sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the server is idle, and fails if anything was dead-lettered.
    pub(crate) async fn wait_until_idle(&self) {
        self.wait_for_work().await;
        let dead_lettered = self.dead_lettered().await;
        assert!(dead_lettered.is_empty(), "{dead_lettered:?}");
    }

    /// Waits until no webhook, delivery or task is pending.
    pub(crate) async fn wait_for_work(&self) {
        let clock = SystemClock::new();
        let began = clock.monotonic();
        let mut quiet = 0;
        while quiet < 3 {
            let (backlog, tasks) =
                (self.app().store.backlog().await.unwrap(), self.app().store.waiting_tasks().await.unwrap());
            let waiting = (
                self.sandbox.ghl().counts().webhooks.pending + self.sandbox.calcom().counts().webhooks.pending,
                backlog.pending,
                tasks.0,
            );
            quiet = if waiting == (0, 0, 0) { quiet + 1 } else { 0 };
            if clock.monotonic().saturating_sub(began) > IDLE_TIMEOUT {
                panic!(
                    "webhooks, inbox and outbox did not become idle: {waiting:?}; dead-lettered: {:?}; calls: {:?} {:?}",
                    self.dead_lettered().await,
                    self.sandbox.ghl().counts().operations,
                    self.sandbox.calcom().counts().operations,
                );
            }
            clock.sleep(Duration::from_millis(50)).await;
        }
    }

    /// The dead-lettered tasks and deliveries, with their errors.
    pub(crate) async fn dead_lettered(&self) -> Vec<String> {
        let store = &self.app().store;
        let tasks = store.dead_tasks(None, 0, 100).await.unwrap();
        let letters = store.dead_letters(None, 0, 100).await.unwrap();
        let tasks = tasks.into_iter().map(|task| format!("{}: {}", task.key, task.error));
        tasks.chain(letters.into_iter().map(|letter| format!("{}: {}", letter.kind, letter.error))).collect()
    }

    /// The state of the latest version of the booking.
    pub(crate) fn calcom_state(&self, uid: &str) -> State {
        let mut booking = self.sandbox.calcom().booking(uid).unwrap();
        while let Some(later) = booking["rescheduledToUid"].as_str() {
            booking = self.sandbox.calcom().booking(later).unwrap();
        }
        let absent = booking["attendees"].as_array().unwrap().iter().any(|one| one["absent"] == json!(true));
        let status = match booking["status"].as_str().unwrap() {
            "cancelled" | "rejected" => "cancelled",
            "pending" => "new",
            _ if absent => "noshow",
            _ => "confirmed",
        };
        (ms(&booking["start"]), ms(&booking["end"]), status)
    }

    /// The uid of the latest version of the booking.
    pub(crate) fn latest_uid(&self, uid: &str) -> String {
        let mut uid = uid.to_owned();
        while let Some(later) = self.sandbox.calcom().booking(&uid).unwrap()["rescheduledToUid"].as_str() {
            later.clone_into(&mut uid);
        }
        uid
    }

    /// The appointments at GHL that were created for any version of the booking.
    pub(crate) fn appointments(&self, target: &Target, uid: &str) -> Vec<Value> {
        let mut tags = vec![format!("Cal.com booking {uid}")];
        let mut version = uid.to_owned();
        while let Some(later) = self.sandbox.calcom().booking(&version).unwrap()["rescheduledToUid"].as_str() {
            later.clone_into(&mut version);
            tags.push(format!("Cal.com booking {version}"));
        }
        let all = self.sandbox.ghl().appointments(&target.location);
        all.into_iter().filter(|one| tags.iter().any(|tag| one["notes"] == json!(tag))).collect()
    }

    /// The state of the booking's only appointment.
    pub(crate) fn ghl_state(&self, target: &Target, uid: &str) -> Option<State> {
        let found = self.appointments(target, uid);
        assert!(found.len() <= 1, "{} appointments of {uid}: {found:#?}", found.len());
        let one = found.first()?;
        let status = match one["appointmentStatus"].as_str().unwrap() {
            "new" => "new",
            "cancelled" | "invalid" => "cancelled",
            "noshow" => "noshow",
            _ => "confirmed",
        };
        Some((ms(&one["startTime"]), ms(&one["endTime"]), status))
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.sandbox.stop().await;
    }
}

pub(crate) fn ms(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<Timestamp>().unwrap().as_millis()
}

/// Connects the company with all its locations.
async fn connect_ghl(app: &App, sandbox: &Sandbox, organization: &OrganizationId) {
    let issued = sandbox.ghl().issue_company_token(&SCOPES.join(" "));
    let company = sandbox.ghl().company_id().to_owned();
    let extra = json!({"userType": "Company", "companyId": company});
    let set = TokenSet {
        access: issued.access.into(),
        refresh: issued.refresh.map(Into::into),
        expires_at: Some(app.now() + Duration::from_secs(86_399)),
        issued_at: None,
        issued_from: None,
        generation: 0,
        scope: None,
        extra: extra.as_object().cloned().unwrap(),
    };
    let claimed = app.store.claim_company(SOURCE, &company, organization).await.unwrap();
    assert_eq!(claimed, sidecar_store::Claimed::Claimed);
    app.ghl.tokens(organization).unwrap().adopt(&set).await.unwrap();
    run::sync_now(app, organization, SyncOptions::default(), &()).await.unwrap();
}

/// Opens all hours of the week for two event types of a quarter of an hour for each location.
fn open_hours(sandbox: &Sandbox) -> Vec<Target> {
    let (ghl, calcom) = (sandbox.ghl(), sandbox.calcom());
    calcom.open_all_hours();
    let target = |(number, location): (usize, String)| Target {
        calendar: ghl.calendar_ids(&location)[0].clone(),
        contact: ghl.contacts(&location)[0]["id"].as_str().unwrap().to_owned(),
        event_type: calcom.add_event_type(&format!("quarter-{number}"), 15, false),
        confirmed_by_host: calcom.add_event_type(&format!("confirmed_by_host-{number}"), 15, true),
        location,
    };
    ghl.location_ids().into_iter().enumerate().map(target).collect()
}
