//! A provider in memory with faults and changes during a listing, and the harness that syncs it into a store.

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
use sidecar_tests::{DatabaseKind, ORGANIZATION, TestDatabase, open_store};

pub(crate) const LOCATION: &str = "loc_1";

/// A row of the provider.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) added: Timestamp,
    pub(crate) updated: Timestamp,
}

/// A fault of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// An error of this kind.
    Status(ErrorKind),
    /// An empty page marked as the last one.
    EndsEarly,
    /// A page without the first half of its rows.
    LacksRows,
}

type Hook = Box<dyn Fn(&FakeProvider, u64) -> Option<Fault> + Send + Sync>;

/// The provider. Rows are listed by (added, id), as the real one lists contacts by creation.
pub(crate) struct FakeProvider {
    rows: Mutex<BTreeMap<String, Row>>,
    pub(crate) page_size: usize,
    pub(crate) fetched: AtomicU64,
    pub(crate) reads: AtomicU64,
    /// Called with the number of each page before it is returned.
    hook: Mutex<Option<Arc<Hook>>>,
}

impl fmt::Debug for FakeProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeProvider({} rows)", self.rows().len())
    }
}

impl FakeProvider {
    /// Creates a provider with `count` rows, created and changed within the last day.
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

    /// Runs a hook before each page is returned, which may inject a fault.
    pub(crate) fn on_page(&self, hook: impl Fn(&Self, u64) -> Option<Fault> + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Arc::new(Box::new(hook)));
    }

    pub(crate) fn clear_hook(&self) {
        *self.hook.lock().unwrap() = None;
    }

    /// Creates a row with the current time.
    pub(crate) fn create(&self, id: &str, name: &str) {
        let now = SystemClock::new().now();
        self.rows().insert(id.to_owned(), Row { name: name.to_owned(), added: now, updated: now });
    }

    /// Changes a row with the current time.
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

/// The source of one run.
#[derive(Debug)]
pub(crate) struct FakeSource {
    provider: Arc<FakeProvider>,
}

type Cursor = (Timestamp, String);

impl Lookup for FakeSource {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        self.provider.reads.fetch_add(1, Ordering::Relaxed);
        let row = self.provider.rows().get(id).cloned();
        let origin = ChangeOrigin::Read { revision };
        Ok(match row {
            Some(row) => Change { origin, ..listed(id, &row) },
            None => {
                let now = SystemClock::new().now();
                let deleted = Row { name: String::new(), added: now, updated: now };
                Change { origin, mutation: Mutation::Delete, position: None, ..listed(id, &deleted) }
            }
        })
    }
}

impl Source for FakeSource {
    type Cursor = Cursor;

    async fn page(&self, request: PageRequest<Cursor>) -> Result<SourcePage<Cursor>> {
        let PageRequest { mode, since, cursor: at } = request;
        let fault = self.provider.fault();
        tokio::task::yield_now().await;
        let mut rows: Vec<(Cursor, Row)> = {
            let all = self.provider.rows();
            let matching = all.iter().filter(|(_, row)| since.is_none_or(|since| row.updated >= since));
            matching
                .map(|(id, row)| ((if mode == Mode::Full { row.added } else { row.updated }, id.clone()), row.clone()))
                .collect()
        };
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.retain(|(cursor, _)| at.as_ref().is_none_or(|at| cursor > at));
        let more = rows.len() > self.provider.page_size;
        rows.truncate(self.provider.page_size);
        let mut next = rows.last().map(|(cursor, _)| cursor.clone()).filter(|_| more);
        match fault {
            Some(Fault::Status(kind)) => return Err(Error::new(kind, "injected fault")),
            Some(Fault::EndsEarly) => {
                rows.clear();
                next = None;
            }
            Some(Fault::LacksRows) => drop(rows.drain(..rows.len() / 2)),
            None => {}
        }
        let end = |cursor: &Cursor| (cursor.0, Arc::from(&*cursor.1));
        let range = KeyRange {
            kind: "contact",
            location: Some(LOCATION.into()),
            after: at.as_ref().map(end),
            up_to: next.as_ref().map(end),
        };
        let items = rows.iter().map(|((_, id), row)| listed(id, row)).collect();
        Ok(SourcePage { page: Page { items, next, total: None }, range: Some(range) })
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

/// A store and an engine that syncs the provider into it.
pub(crate) struct SyncHarness {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) provider: Arc<FakeProvider>,
    engine: Engine,
    key: SyncKey,
    always_full: bool,
    _database: TestDatabase,
}

impl SyncHarness {
    /// Creates a harness whose runs are all full, with short leases, so that a dropped run resumes soon.
    pub(crate) async fn full_runs(database: DatabaseKind, provider: Arc<FakeProvider>) -> Self {
        // As short as the response times of the database allow.
        let lease_ttl = match database {
            DatabaseKind::Sqlite => Duration::from_millis(120),
            DatabaseKind::Postgres => Duration::from_millis(500),
        };
        let config = EngineConfig { lease_ttl, index_lag: Duration::from_secs(5), ..EngineConfig::default() };
        Self { always_full: true, ..Self::with(database, provider, config).await }
    }

    pub(crate) async fn with(database: DatabaseKind, provider: Arc<FakeProvider>, config: EngineConfig) -> Self {
        let test_database = TestDatabase::new(database).await;
        let store = open_store(&test_database.url()).await;
        let engine = Engine::new(store.clone(), store.clone(), store.clone(), SystemClock::shared(), config);
        let key = SyncKey::new(ORGANIZATION, "TEST_CONTACTS", LOCATION);
        store.schedule(&key, SystemClock::new().now(), false).await.unwrap();
        Self { store, provider, engine, key, always_full: false, _database: test_database }
    }

    /// Runs a sync, or resumes the interrupted one. Waits for the lease of a dropped run.
    pub(crate) async fn run(&self, force: bool) -> Result<SyncReport, SyncError> {
        let status = self.store.status(&self.key).await.unwrap().unwrap();
        if self.always_full && status.progress.is_none() {
            self.store.schedule(&self.key, SystemClock::new().now(), true).await.unwrap();
        }
        if force {
            self.store.force(&self.key).await.unwrap();
        }
        let source = FakeSource { provider: Arc::clone(&self.provider) };
        loop {
            match self.engine.run(&self.key, &source, &()).await {
                Err(SyncError::Busy(_)) => SystemClock::new().sleep(Duration::from_millis(10)).await,
                outcome => return outcome,
            }
        }
    }

    /// Runs [`SyncHarness::run`] and drops it after this many polls; `None` if it was dropped.
    pub(crate) async fn run_cut_after(&self, polls: u64) -> Option<Result<SyncReport, SyncError>> {
        let mut run = Box::pin(self.run(false));
        let mut left = polls;
        std::future::poll_fn(move |context| {
            if left == 0 {
                return std::task::Poll::Ready(None);
            }
            left -= 1;
            run.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Returns `true` if a full run has ended.
    pub(crate) async fn has_ended(&self) -> bool {
        let status = self.store.status(&self.key).await.unwrap().unwrap();
        status.progress.is_none() && status.last_full_at.is_some()
    }

    /// Returns the stored records that are not deleted: name by id.
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

    /// Returns the rows of the provider: name by id.
    pub(crate) fn at_provider(&self) -> BTreeMap<String, String> {
        self.provider.rows().iter().map(|(id, row)| (id.clone(), row.name.clone())).collect()
    }

    pub(crate) async fn assert_exact(&self) {
        let (stored, expected) = (self.stored().await, self.at_provider());
        let lost: Vec<_> = expected.iter().filter(|(id, _)| !stored.contains_key(*id)).collect();
        let extra: Vec<_> = stored.iter().filter(|(id, _)| !expected.contains_key(*id)).collect();
        let other: Vec<_> =
            expected.iter().filter(|(id, name)| stored.get(*id).is_some_and(|found| found != *name)).collect();
        assert!(
            lost.is_empty() && extra.is_empty() && other.is_empty(),
            "lost {lost:?}, extra {extra:?}, other {other:?}"
        );
    }
}
