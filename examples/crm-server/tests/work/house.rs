//! A server without routes: its ports on a private database, an organization, and the provider's stand-in.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use crm_server::{
    app::App,
    config::Config,
    ghl::events::SOURCE,
    workers::{Deliveries, Tasks},
};
use ghl_client::{
    GhlEvent, SCOPES,
    model::{CompanyId, LocationId},
};
use provider_sandbox::Sandbox;
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId,
    commit::Batch,
    queue::ClaimRequest,
    queue::{
        WorkerConfig,
        inbox::{InboxHandler, InboxWorker, NewDelivery},
        outbox::{Dedup, NewTask, Task, TaskHandler, TaskOutcome},
    },
    record::{Doc, Record, RecordKey},
    secret,
    token::TokenSet,
};
use sidecar_store::{Organization, Store};

pub(crate) struct House {
    pub(crate) sandbox: Sandbox,
    pub(crate) app: App,
    pub(crate) organization: OrganizationId,
    pub(crate) company: CompanyId,
    pub(crate) locations: Vec<LocationId>,
}

impl House {
    /// With `contacts` people in each of two locations; nothing is connected yet.
    pub(crate) async fn new(contacts: u32) -> Self {
        let sandbox = Sandbox::builder().contacts(contacts).locations(2).start().await.unwrap();
        let mut variables: BTreeMap<String, String> =
            sandbox.env().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        variables.insert("SIDECAR_ENV".to_owned(), "test".to_owned());
        variables.insert("DATABASE_URL".to_owned(), "sqlite::memory:".to_owned());
        let (app, _) = App::open(Config::from_variables(variables).unwrap()).await.unwrap();
        let organization = OrganizationId::from("org_1");
        let row = Organization {
            id: organization.clone(),
            slug: "one".to_owned(),
            name: "One".to_owned(),
            created_at: app.now(),
        };
        app.store.create_organization(&row).await.unwrap();
        let company = CompanyId::from(sandbox.ghl().company_id());
        let locations = sandbox.ghl().location_ids().iter().map(|id| LocationId::from(id.as_str())).collect();
        Self { sandbox, app, organization, company, locations }
    }

    /// With the company connected, as the connect route leaves it: its token is kept, its locations are not known yet.
    pub(crate) async fn with_company(contacts: u32) -> Self {
        let house = Self::new(contacts).await;
        let issued = house.sandbox.ghl().issue_company_token(&SCOPES.join(" "));
        let extra = json!({"userType": "Company", "companyId": house.company});
        let set = TokenSet {
            access: issued.access.into(),
            refresh: issued.refresh.map(Into::into),
            expires_at: Some(house.app.now() + std::time::Duration::from_secs(86_399)),
            issued_at: None,
            issued_from: None,
            generation: 0,
            scope: None,
            extra: extra.as_object().cloned().unwrap(),
        };
        let claimed = house.app.store.claim_company(SOURCE, house.company.as_str(), &house.organization).await.unwrap();
        assert_eq!(claimed, sidecar_store::Claimed::Claimed);
        house.app.ghl.tokens(&house.organization).unwrap().adopt(&set).await.unwrap();
        house
    }

    /// With the company and both locations connected.
    pub(crate) async fn with_locations(contacts: u32) -> Self {
        let house = Self::with_company(contacts).await;
        for location in house.locations.clone() {
            let done = house.carry_out("ghl.install", json!({"company": house.company, "location": location})).await;
            assert!(matches!(done, TaskOutcome::Done(_)), "{done:?}");
        }
        house
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.app.store
    }

    /// Keeps a delivery as the route does, and works on it.
    pub(crate) async fn deliver(&self, id: &str, body: &Value) {
        self.keep(id, Bytes::from(body.to_string())).await;
        self.work_inbox().await;
    }

    pub(crate) async fn keep(&self, id: &str, body: Bytes) {
        let event = GhlEvent::parse(&body).ok();
        let delivery = NewDelivery {
            source: Cow::Borrowed(SOURCE),
            id: id.into(),
            organization: None,
            order_key: event.as_ref().map_or_else(|| id.to_owned(), GhlEvent::order_key).into(),
            kind: event.as_ref().map_or_else(|| "unknown".to_owned(), |event| event.kind().as_str().to_owned()).into(),
            body,
            at: self.app.now(),
        };
        self.app.committer.put(delivery).await.unwrap();
    }

    pub(crate) async fn work_inbox(&self) {
        let worker = InboxWorker::new(
            Arc::clone(&self.app.store) as _,
            Arc::clone(&self.app.store) as _,
            Arc::new(Deliveries::new(self.app.clone())),
            Arc::clone(&self.app.clock),
            WorkerConfig::default(),
            Arc::default(),
        );
        while worker.step().await.unwrap() > 0 {}
        assert_eq!(self.store().backlog().await.unwrap().dead, 0);
    }

    /// The outcomes in the history that a plan for these bodies writes.
    pub(crate) async fn outcomes(&self, bodies: &[Value]) -> Vec<String> {
        for (number, body) in bodies.iter().enumerate() {
            self.keep(&format!("planned-{number}"), Bytes::from(body.to_string())).await;
        }
        let lease = std::time::Duration::from_secs(30);
        let claims = self.store().claim(&ClaimRequest::new(500, lease, self.app.now())).await.unwrap();
        let plan = Deliveries::new(self.app.clone()).plan(&claims).await.unwrap();
        plan.batch.event_log.iter().map(|line| line.outcome.to_string()).collect()
    }

    /// The tasks that wait, claimed.
    pub(crate) async fn tasks(&self) -> Vec<Task> {
        let kinds = Tasks::new(&self.app);
        let lease = std::time::Duration::from_secs(30);
        self.store().claim_tasks(kinds.kinds(), &ClaimRequest::new(100, lease, self.app.now())).await.unwrap()
    }

    /// Carries out the tasks that wait and writes what they say; how each ended.
    pub(crate) async fn work_outbox(&self) -> Vec<TaskOutcome> {
        let mut outcomes = Vec::new();
        loop {
            let tasks = self.tasks().await;
            if tasks.is_empty() {
                return outcomes;
            }
            for task in tasks {
                match Tasks::new(&self.app).execute(&task).await {
                    TaskOutcome::Done(mut batch) => {
                        batch.outbox_done.push(task.claim);
                        assert!(self.store().commit(*batch).await.unwrap().committed);
                        outcomes.push(TaskOutcome::done());
                    }
                    other => {
                        self.store().fail_task(&task.claim, "tried", None).await.unwrap();
                        outcomes.push(other);
                    }
                }
            }
        }
    }

    /// Carries out one task of its own.
    pub(crate) async fn carry_out(&self, kind: &'static str, payload: Value) -> TaskOutcome {
        let key = secret::random::<8>().unwrap().map(|byte| format!("{byte:02x}")).concat();
        let task = NewTask {
            organization: self.organization.clone(),
            kind: Cow::Borrowed(kind),
            key: key.clone().into(),
            order_key: key.into(),
            payload,
            not_before: self.app.now(),
            dedup: Dedup::Once,
        };
        self.store().commit(Batch { outbox: vec![task], ..Batch::default() }).await.unwrap();
        self.work_outbox().await.pop().unwrap()
    }

    pub(crate) async fn record(&self, kind: &'static str, id: &str) -> Option<Record> {
        let key = RecordKey { organization: self.organization.clone(), kind: Cow::Borrowed(kind), id: id.into() };
        self.store().record(&key).await.unwrap()
    }

    pub(crate) async fn doc(&self, kind: &'static str, id: &str) -> Arc<Doc> {
        self.record(kind, id).await.filter(|record| !record.deleted).unwrap().doc
    }

    /// The resources that have tokens.
    pub(crate) async fn connected(&self) -> Vec<String> {
        let connections = self.store().connections(&self.organization).await.unwrap();
        connections.iter().map(|connection| connection.key.resource().to_owned()).collect()
    }

    /// The sources that will be copied again, as `SOURCE/location`.
    pub(crate) async fn scheduled(&self) -> Vec<String> {
        let statuses = self.store().statuses(&self.organization).await.unwrap();
        let runs = statuses.iter().filter(|status| status.next_run_at.is_some());
        runs.map(|status| format!("{}/{}", status.key.source, status.key.location)).collect()
    }
}

/// A contact's event.
pub(crate) fn contact_event(kind: &str, location: &LocationId, id: &str, at: &str, name: &str) -> Value {
    json!({"type": kind, "locationId": location, "id": id, "firstName": name, "timestamp": at, "webhookId": format!("{kind}-{at}")})
}
