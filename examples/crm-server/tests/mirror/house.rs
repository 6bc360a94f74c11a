//! A server on a port with both providers' stand-ins, everything connected, and what both sides say in the end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::body::Body;
use crm_server::{
    Running,
    app::App,
    calcom::settings::{self, Mapping},
    config::Config,
    ghl::events::SOURCE,
    mirror, router,
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
pub(crate) const LENGTH: i64 = 15 * 60_000;
/// How long everything may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far the providers' clocks may be ahead.
const AHEAD: Duration = Duration::from_secs(2);
/// Calls a minute that the account at Cal.com may make.
const CALLS: u32 = 60_000;

pub(crate) struct House {
    pub(crate) sandbox: Sandbox,
    pub(crate) organization: OrganizationId,
    /// A location, its first calendar, a contact of it, and the event type that is mapped to it.
    pub(crate) places: Vec<Place>,
    running: Running,
    /// The first time that can be booked, in epoch milliseconds.
    first_slot: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) location: String,
    pub(crate) calendar: String,
    pub(crate) contact: String,
    pub(crate) event_type: i64,
    /// Of an event type whose bookings the host has to confirm.
    pub(crate) asking: i64,
}

/// What a side says of a meeting.
pub(crate) type Said = (i64, i64, &'static str);

impl House {
    /// With so many locations, an event type for each.
    pub(crate) async fn new(seed: u64, locations: u32) -> Self {
        let sandbox = Sandbox::builder().seed(seed).contacts(3).locations(locations).start().await.unwrap();
        for location in sandbox.ghl().location_ids() {
            // Their times would be blocked.
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
        // The organization's own connection, which it can change.
        variables.remove("CALCOM_API_KEY");
        let unlimited = provider_sandbox::calcom::LimitRules { per_key: CALLS, ..Default::default() };
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
        let places = open_hours(&sandbox);
        let mapping =
            |place: &Place| Mapping { location_id: place.location.clone(), calendar_id: place.calendar.clone() };
        let both = |place: &Place| [(place.event_type, mapping(place)), (place.asking, mapping(place))];
        let wanted = settings::CalcomSettings {
            mapping: places.iter().flat_map(both).collect(),
            calls_per_minute: Some(CALLS),
            ..Default::default()
        };
        assert!(settings::write(&*app.store, &organization, 0, &wanted).await.unwrap());
        let day = 86_400_000;
        let first_slot = (sandbox.control().now_ms() / day + 1) * day;
        let house = Self { sandbox, organization, places, running, first_slot };
        let webhooks = format!("http://{}/api/webhooks", house.running.addr);
        house.sandbox.ghl().set_webhook_url(format!("{webhooks}/ghl"));
        let calcom = house.sandbox.calcom();
        calcom.subscribe(&format!("{webhooks}/calcom"), calcom.webhook_secret());
        // As the route that writes settings does.
        house.app().sync_schedule.schedule_bookings(&house.organization).await.unwrap();
        house.rest_of_passes().await;
        house.rest().await;
        house
    }

    pub(crate) fn app(&self) -> &App {
        self.running.app()
    }

    /// Changes the connection to Cal.com by the route that does it.
    pub(crate) async fn change(&self, wish: &Value) -> StatusCode {
        self.ask(Method::PUT, "integrations/calcom", Some(wish)).await.0
    }

    /// Asks for something that is to be done once, by the name that it has for whoever asks.
    pub(crate) async fn ask_once(&self, rest: &str, key: &str, wish: &Value) -> (StatusCode, Value) {
        self.send(self.request(Method::POST, rest).header("Idempotency-Key", key), Some(wish)).await
    }

    /// Disconnects Cal.com by the route that does it.
    pub(crate) async fn disconnect(&self) -> StatusCode {
        self.ask(Method::DELETE, "integrations/calcom", None).await.0
    }

    /// Asks a route of the organization's as the operator does.
    pub(crate) async fn ask(&self, method: Method, rest: &str, body: Option<&Value>) -> (StatusCode, Value) {
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
        let answer = router::web(self.app().clone()).oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Looks at everything once more, as after a whole copy.
    pub(crate) async fn look_at_all(&self) {
        let outbox = vec![mirror::look_at_all(&self.organization, self.app().now())];
        self.app().store.commit(Batch { outbox, ..Batch::default() }).await.unwrap();
        self.app().outbox_wake.notify_one();
    }

    /// The start of the slot with this number, in epoch milliseconds: the same one is never given twice for two numbers.
    pub(crate) fn slot(&self, number: usize) -> i64 {
        // Some of each day is left free, so that no two days touch.
        let (day, quarter) = (number / 90, number % 90);
        self.first_slot + (day * 96 + quarter) as i64 * LENGTH
    }

    /// Somebody books.
    pub(crate) fn book(&self, event_type: i64, slot: usize, who: &str, metadata: &Value) -> String {
        let attendee = Attendee::new(who, format!("{who}@example.com"));
        let booking = self.sandbox.calcom().book(event_type, self.slot(slot), &attendee, metadata).unwrap();
        booking["uid"].as_str().unwrap().to_owned()
    }

    /// Orders how both providers deliver their webhooks.
    pub(crate) fn deliver(&self, order: &WebhookCommand) {
        self.sandbox.control().update_webhooks(order);
        self.sandbox.control().calcom().update_webhooks(order);
    }

    /// A pass of every source of bookings and appointments. It may remove what was changed a moment ago, as passes do minutes later.
    pub(crate) async fn sync(&self) {
        let (store, clock) = (&self.app().store, Arc::clone(&self.app().clock));
        let at_once = EngineConfig { index_lag: Duration::ZERO, ..self.app().engine.config().clone() };
        let engine =
            Engine::new(Arc::clone(store) as _, Arc::clone(store) as _, Arc::clone(store) as _, clock, at_once);
        let app = self.app().with_engine(engine);
        SystemClock::new().sleep(AHEAD).await;
        let statuses = self.app().store.statuses(&self.organization).await.unwrap();
        let keys = statuses.into_iter().map(|status| status.key);
        let mirrored = keys.filter(|key| matches!(&*key.source, CALCOM_BOOKINGS | GHL_EVENTS));
        let clock = SystemClock::new();
        for key in mirrored {
            self.app().store.schedule(&key, self.app().now(), false).await.unwrap();
            loop {
                match Box::pin(run::run(&app, &key, &())).await {
                    Ok(_) => break,
                    // The scheduler runs a pass of it that began earlier.
                    Err(SyncError::Busy(_)) => clock.sleep(Duration::from_millis(50)).await,
                    Err(error) => panic!("{key}: {error}"),
                }
            }
        }
    }

    /// Waits until no source is due, and none is being copied.
    pub(crate) async fn rest_of_passes(&self) {
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

    /// Waits until nothing is under way on any side, and nothing was given up.
    pub(crate) async fn rest(&self) {
        self.quiet().await;
        let given_up = self.given_up().await;
        assert!(given_up.is_empty(), "{given_up:?}");
    }

    /// Waits until nothing is under way on any side.
    pub(crate) async fn quiet(&self) {
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
            if clock.monotonic().saturating_sub(began) > PATIENCE {
                panic!(
                    "deliveries, inbox, outbox never came to rest: {waiting:?}; given up: {:?}; calls: {:?} {:?}",
                    self.given_up().await,
                    self.sandbox.ghl().counts().operations,
                    self.sandbox.calcom().counts().operations,
                );
            }
            clock.sleep(Duration::from_millis(50)).await;
        }
    }

    /// The tasks and deliveries that were given up, with the reasons.
    pub(crate) async fn given_up(&self) -> Vec<String> {
        let store = &self.app().store;
        let tasks = store.dead_tasks(None, 0, 100).await.unwrap();
        let letters = store.dead_letters(None, 0, 100).await.unwrap();
        let tasks = tasks.into_iter().map(|task| format!("{}: {}", task.key, task.error));
        tasks.chain(letters.into_iter().map(|letter| format!("{}: {}", letter.kind, letter.error))).collect()
    }

    /// What Cal.com says of the booking's present form.
    pub(crate) fn at_calcom(&self, uid: &str) -> Said {
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

    /// The uid of the booking's present form.
    pub(crate) fn head(&self, uid: &str) -> String {
        let mut uid = uid.to_owned();
        while let Some(later) = self.sandbox.calcom().booking(&uid).unwrap()["rescheduledToUid"].as_str() {
            later.clone_into(&mut uid);
        }
        uid
    }

    /// The appointments at GHL that were made for the booking, in whichever of its forms.
    pub(crate) fn appointments(&self, place: &Place, uid: &str) -> Vec<Value> {
        let mut marks = vec![format!("Cal.com booking {uid}")];
        let mut form = uid.to_owned();
        while let Some(later) = self.sandbox.calcom().booking(&form).unwrap()["rescheduledToUid"].as_str() {
            later.clone_into(&mut form);
            marks.push(format!("Cal.com booking {form}"));
        }
        let all = self.sandbox.ghl().appointments(&place.location);
        all.into_iter().filter(|one| marks.iter().any(|mark| one["notes"] == json!(mark))).collect()
    }

    /// What GHL says of the booking, by its one appointment.
    pub(crate) fn at_ghl(&self, place: &Place, uid: &str) -> Option<Said> {
        let found = self.appointments(place, uid);
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

/// The company with all its locations, as the connect route and its tasks leave them.
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

/// Every hour of the week can be booked, by event types of a quarter of an hour, two for each location.
fn open_hours(sandbox: &Sandbox) -> Vec<Place> {
    let (ghl, calcom) = (sandbox.ghl(), sandbox.calcom());
    calcom.open_all_hours();
    let place = |(number, location): (usize, String)| Place {
        calendar: ghl.calendar_ids(&location)[0].clone(),
        contact: ghl.contacts(&location)[0]["id"].as_str().unwrap().to_owned(),
        event_type: calcom.add_event_type(&format!("quarter-{number}"), 15, false),
        asking: calcom.add_event_type(&format!("asking-{number}"), 15, true),
        location,
    };
    ghl.location_ids().into_iter().enumerate().map(place).collect()
}
