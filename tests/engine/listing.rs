//! A provider's listing in memory: what a pass reads, with faults to order and orders to change it meanwhile.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use sidecar_core::{
    Clock, Error, ErrorKind, OrganizationId, Result, SystemClock, Timestamp,
    commit::KeyRange,
    page::Page,
    record::{Change, ChangeOrigin, Listing as RecordListing, Mutation, RecordKey},
    sync::{Engine, EngineConfig, Lookup, Mode, PageRequest, Source, SourcePage, SyncError, SyncKey, SyncReport},
};
use sidecar_store::Store;
use sidecar_tests::{Home, Kind, ORGANIZATION, open_store};

pub(crate) const LOCATION: &str = "loc_1";

/// A row as the provider has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) added: Timestamp,
    pub(crate) updated: Timestamp,
}

/// What happens to a page instead of a good answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// A refusal.
    Status(ErrorKind),
    /// An empty page that says it is the last.
    EndsEarly,
    /// The first half of the rows are not in it.
    LacksRows,
}

type Hook = Box<dyn Fn(&Provider, u64) -> Option<Fault> + Send + Sync>;

/// The provider. Rows are listed by (added, id), as the real one lists contacts by creation.
pub(crate) struct Provider {
    rows: Mutex<BTreeMap<String, Row>>,
    pub(crate) page_size: usize,
    pub(crate) fetched: AtomicU64,
    pub(crate) reads: AtomicU64,
    /// Called with the number of each page fetched, before it is answered.
    hook: Mutex<Option<Arc<Hook>>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({} rows)", self.rows().len())
    }
}

impl Provider {
    /// `count` rows, created and last changed in the days before.
    pub(crate) fn new(count: usize, page_size: usize) -> Arc<Self> {
        let now = SystemClock::new().now();
        let row = |n: usize| {
            let added = now - Duration::from_secs(86_400) + Duration::from_secs(n as u64 / 3);
            (format!("c{n:06}"), Row { name: format!("name {n}"), added, updated: added + Duration::from_secs(60) })
        };
        Arc::new(Self {
            rows: Mutex::new((0..count).map(row).collect()),
            page_size,
            fetched: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            hook: Mutex::default(),
        })
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something before each page is answered, and may spoil it.
    pub(crate) fn on_page(&self, hook: impl Fn(&Self, u64) -> Option<Fault> + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Arc::new(Box::new(hook)));
    }

    pub(crate) fn undisturbed(&self) {
        *self.hook.lock().unwrap() = None;
    }

    /// Somebody creates a row, now.
    pub(crate) fn create(&self, id: &str, name: &str) {
        let now = SystemClock::new().now();
        self.rows().insert(id.to_owned(), Row { name: name.to_owned(), added: now, updated: now });
    }

    /// Somebody changes a row, now.
    pub(crate) fn change(&self, id: &str, name: &str) {
        let mut rows = self.rows();
        let row = rows.get_mut(id).unwrap();
        (row.name, row.updated) = (name.to_owned(), SystemClock::new().now());
    }

    pub(crate) fn remove(&self, id: &str) {
        self.rows().remove(id).unwrap();
    }

    fn fault(&self) -> Option<Fault> {
        let number = self.fetched.fetch_add(1, Ordering::Relaxed);
        let hook = self.hook.lock().unwrap().clone();
        hook.and_then(|hook| hook(self, number))
    }
}

/// One pass over the provider.
#[derive(Debug)]
pub(crate) struct Copying {
    provider: Arc<Provider>,
}

type Cursor = (Timestamp, String);

impl Lookup for Copying {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        self.provider.reads.fetch_add(1, Ordering::Relaxed);
        let row = self.provider.rows().get(id).cloned();
        let origin = ChangeOrigin::Read { revision };
        Ok(match row {
            Some(row) => Change { origin, ..listed(id, &row) },
            None => {
                let now = SystemClock::new().now();
                let gone = Row { name: String::new(), added: now, updated: now };
                Change { origin, mutation: Mutation::Delete, position: None, ..listed(id, &gone) }
            }
        })
    }
}

impl Source for Copying {
    type Cursor = Cursor;

    async fn page(&self, request: PageRequest<Cursor>) -> Result<SourcePage<Cursor>> {
        let PageRequest { mode, since, cursor: at } = request;
        let fault = self.provider.fault();
        tokio::task::yield_now().await;
        let mut rows: Vec<(Cursor, Row)> = {
            let all = self.provider.rows();
            let wanted = all.iter().filter(|(_, row)| since.is_none_or(|since| row.updated >= since));
            wanted
                .map(|(id, row)| ((if mode == Mode::Full { row.added } else { row.updated }, id.clone()), row.clone()))
                .collect()
        };
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.retain(|(cursor, _)| at.as_ref().is_none_or(|at| cursor > at));
        let more = rows.len() > self.provider.page_size;
        rows.truncate(self.provider.page_size);
        let mut next = rows.last().map(|(cursor, _)| cursor.clone()).filter(|_| more);
        match fault {
            Some(Fault::Status(kind)) => return Err(Error::new(kind, "as ordered")),
            Some(Fault::EndsEarly) => {
                rows.clear();
                next = None;
            }
            Some(Fault::LacksRows) => drop(rows.drain(..rows.len() / 2)),
            None => {}
        }
        let end = |cursor: &Cursor| (cursor.0, Arc::from(&*cursor.1));
        let span = KeyRange {
            kind: "contact",
            location: Some(LOCATION.into()),
            after: at.as_ref().map(end),
            up_to: next.as_ref().map(end),
        };
        let items = rows.iter().map(|((_, id), row)| listed(id, row)).collect();
        Ok(SourcePage { page: Page { items, next, total: None }, range: Some(span) })
    }
}

fn listed(id: &str, row: &Row) -> Change {
    let doc = json!({"id": id, "name": row.name, "dateUpdated": row.updated.to_string()});
    Change {
        key: RecordKey { organization: ORGANIZATION.into(), kind: Cow::Borrowed("contact"), id: id.into() },
        location: Some(LOCATION.into()),
        version: row.updated,
        origin: ChangeOrigin::Listed,
        position: Some(row.added),
        mutation: Mutation::Put(doc.as_object().cloned().unwrap_or_default().into()),
        searchable: &["name"],
        refetch_task: Some(Cow::Borrowed("test.read")),
        on_change: None,
    }
}

/// A store, and an engine that copies the provider into it.
pub(crate) struct Copy {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) provider: Arc<Provider>,
    engine: Engine,
    key: SyncKey,
    always_full: bool,
    _home: Home,
}

impl Copy {
    /// Every pass is full; leases end soon, so that a dropped pass goes on soon.
    pub(crate) async fn of(database: Kind, provider: Arc<Provider>) -> Self {
        // As short as the database can be relied on to answer.
        let lease = match database {
            Kind::Sqlite => Duration::from_millis(120),
            Kind::Postgres => Duration::from_millis(500),
        };
        let config = EngineConfig { lease_ttl: lease, index_lag: Duration::from_secs(5), ..EngineConfig::default() };
        Self { always_full: true, ..Self::with(database, provider, config).await }
    }

    pub(crate) async fn with(database: Kind, provider: Arc<Provider>, config: EngineConfig) -> Self {
        let home = Home::new(database).await;
        let store = open_store(&home.url()).await;
        let engine = Engine::new(store.clone(), store.clone(), store.clone(), SystemClock::shared(), config);
        let key = SyncKey::new(ORGANIZATION, "TEST_CONTACTS", LOCATION);
        store.schedule(&key, SystemClock::new().now(), false).await.unwrap();
        Self { store, provider, engine, key, always_full: false, _home: home }
    }

    /// Runs the source, or the rest of the run that was stopped. Waits for a lease that was dropped.
    pub(crate) async fn pass(&self, force: bool) -> Result<SyncReport, SyncError> {
        let status = self.store.status(&self.key).await.unwrap().unwrap();
        if self.always_full && status.progress.is_none() {
            self.store.schedule(&self.key, SystemClock::new().now(), true).await.unwrap();
        }
        if force {
            self.store.force(&self.key).await.unwrap();
        }
        let source = Copying { provider: Arc::clone(&self.provider) };
        loop {
            match self.engine.run(&self.key, &source, &()).await {
                Err(SyncError::Busy(_)) => SystemClock::new().sleep(Duration::from_millis(10)).await,
                outcome => return outcome,
            }
        }
    }

    /// Runs a pass like [`Copy::pass`] and drops it after so many polls; `None` when it was dropped.
    pub(crate) async fn pass_cut_after(&self, polls: u64) -> Option<Result<SyncReport, SyncError>> {
        let mut pass = Box::pin(self.pass(false));
        let mut left = polls;
        std::future::poll_fn(move |context| {
            if left == 0 {
                return std::task::Poll::Ready(None);
            }
            left -= 1;
            pass.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Whether a pass came to its end.
    pub(crate) async fn has_ended(&self) -> bool {
        let status = self.store.status(&self.key).await.unwrap().unwrap();
        status.progress.is_none() && status.last_full_at.is_some()
    }

    /// The live records by id, with their names.
    pub(crate) async fn stored(&self) -> BTreeMap<String, String> {
        let (organization, mut all, mut after) = (OrganizationId::from(ORGANIZATION), BTreeMap::new(), None);
        loop {
            let listing = RecordListing { after: after.take(), limit: 500, ..RecordListing::default() };
            let page = self.store.list(&organization, "contact", &listing).await.unwrap();
            let Some(last) = page.last() else { return all };
            after = Some((last.position, last.key.id.clone()));
            let text = |doc: &sidecar_core::record::Doc| doc["name"].as_str().unwrap().to_owned();
            all.extend(page.iter().map(|record| (record.key.id.to_string(), text(&record.doc))));
        }
    }

    /// What the provider holds, in the same form.
    pub(crate) fn truth(&self) -> BTreeMap<String, String> {
        self.provider.rows().iter().map(|(id, row)| (id.clone(), row.name.clone())).collect()
    }

    pub(crate) async fn is_exact(&self) {
        let (stored, truth) = (self.stored().await, self.truth());
        let lost: Vec<_> = truth.iter().filter(|(id, _)| !stored.contains_key(*id)).collect();
        let extra: Vec<_> = stored.iter().filter(|(id, _)| !truth.contains_key(*id)).collect();
        let other: Vec<_> =
            truth.iter().filter(|(id, name)| stored.get(*id).is_some_and(|found| found != *name)).collect();
        assert!(
            lost.is_empty() && extra.is_empty() && other.is_empty(),
            "lost {lost:?}, extra {extra:?}, other {other:?}"
        );
    }
}
