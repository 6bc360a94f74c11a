//! The application without its routes, on a private database with one organization, and the sandbox provider.

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

pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    pub(crate) app: App,
    pub(crate) organization: OrganizationId,
    pub(crate) company: CompanyId,
    pub(crate) locations: Vec<LocationId>,
}

impl Harness {
    /// Starts with two locations of `contacts` contacts each. Nothing is connected.
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

    /// Connects the company as the connect route does: its token is stored and its locations are not known yet.
    pub(crate) async fn with_company(contacts: u32) -> Self {
        let harness = Self::new(contacts).await;
        let issued = harness.sandbox.ghl().issue_company_token(&SCOPES.join(" "));
        let extra = json!({"userType": "Company", "companyId": harness.company});
        let set = TokenSet {
            access: issued.access.into(),
            refresh: issued.refresh.map(Into::into),
            expires_at: Some(harness.app.now() + std::time::Duration::from_secs(86_399)),
            issued_at: None,
            issued_from: None,
            generation: 0,
            scope: None,
            extra: extra.as_object().cloned().unwrap(),
        };
        let claimed =
            harness.app.store.claim_company(SOURCE, harness.company.as_str(), &harness.organization).await.unwrap();
        assert_eq!(claimed, sidecar_store::Claimed::Claimed);
        harness.app.ghl.tokens(&harness.organization).unwrap().adopt(&set).await.unwrap();
        harness
    }

    /// Connects the company and both locations.
    pub(crate) async fn with_locations(contacts: u32) -> Self {
        let harness = Self::with_company(contacts).await;
        for location in harness.locations.clone() {
            let outcome =
                harness.execute_task("ghl.install", json!({"company": harness.company, "location": location})).await;
            assert!(matches!(outcome, TaskOutcome::Done(_)), "{outcome:?}");
        }
        harness
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.app.store
    }

    /// Stores a delivery as the webhook route does and processes it.
    pub(crate) async fn deliver(&self, id: &str, body: &Value) {
        self.enqueue(id, Bytes::from(body.to_string())).await;
        self.process_inbox().await;
    }

    /// Stores a delivery as the webhook route does.
    pub(crate) async fn enqueue(&self, id: &str, body: Bytes) {
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

    pub(crate) async fn process_inbox(&self) {
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

    /// Returns the outcomes that the plan for `bodies` writes to the event log.
    pub(crate) async fn outcomes(&self, bodies: &[Value]) -> Vec<String> {
        for (number, body) in bodies.iter().enumerate() {
            self.enqueue(&format!("planned-{number}"), Bytes::from(body.to_string())).await;
        }
        let lease = std::time::Duration::from_secs(30);
        let claims = self.store().claim(&ClaimRequest::new(500, lease, self.app.now())).await.unwrap();
        let plan = Deliveries::new(self.app.clone()).plan(&claims).await.unwrap();
        plan.batch.event_log.iter().map(|entry| entry.outcome.to_string()).collect()
    }

    /// Claims the due tasks.
    pub(crate) async fn claim_tasks(&self) -> Vec<Task> {
        let kinds = Tasks::new(&self.app);
        let lease = std::time::Duration::from_secs(30);
        self.store().claim_tasks(kinds.kinds(), &ClaimRequest::new(100, lease, self.app.now())).await.unwrap()
    }

    /// Executes all due tasks, commits their results and returns their outcomes.
    pub(crate) async fn execute_tasks(&self) -> Vec<TaskOutcome> {
        let mut outcomes = Vec::new();
        loop {
            let tasks = self.claim_tasks().await;
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
                        self.store().fail_task(&task.claim, "failed", None).await.unwrap();
                        outcomes.push(other);
                    }
                }
            }
        }
    }

    /// Enqueues a task, executes it and returns its outcome.
    pub(crate) async fn execute_task(&self, kind: &'static str, payload: Value) -> TaskOutcome {
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
        self.execute_tasks().await.pop().unwrap()
    }

    pub(crate) async fn record(&self, kind: &'static str, id: &str) -> Option<Record> {
        let key = RecordKey { organization: self.organization.clone(), kind: Cow::Borrowed(kind), id: id.into() };
        self.store().record(&key).await.unwrap()
    }

    pub(crate) async fn doc(&self, kind: &'static str, id: &str) -> Arc<Doc> {
        self.record(kind, id).await.filter(|record| !record.deleted).unwrap().doc
    }

    /// Returns the resources that have tokens.
    pub(crate) async fn token_resources(&self) -> Vec<String> {
        let connections = self.store().connections(&self.organization).await.unwrap();
        connections.iter().map(|connection| connection.key.resource().to_owned()).collect()
    }

    /// Returns the scheduled sources, as `SOURCE/location`.
    pub(crate) async fn scheduled(&self) -> Vec<String> {
        let statuses = self.store().statuses(&self.organization).await.unwrap();
        let runs = statuses.iter().filter(|status| status.next_run_at.is_some());
        runs.map(|status| format!("{}/{}", status.key.source, status.key.location)).collect()
    }
}

/// Returns a contact event.
pub(crate) fn contact_event(kind: &str, location: &LocationId, id: &str, at: &str, name: &str) -> Value {
    json!({"type": kind, "locationId": location, "id": id, "firstName": name, "timestamp": at, "webhookId": format!("{kind}-{at}")})
}
