//! The sync engine with an in-memory store and a provider whose listing is scripted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use sidecar_core::{
    Clock, Error, OrganizationId, Page, Result, StoreError, SystemClock, Timestamp,
    commit::{Batch, KeyRange, Outcome, Records},
    lease::{Lease, LeaseStore},
    queue::outbox::NewTask,
    record::{Change, ChangeOrigin, ChangeOutcome, Listing, Mutation, Record, RecordKey},
    sync::{
        CheckpointWrite, Checkpoints, Engine, EngineConfig, Lookup, Mode, PageRequest, Progress, Source, SourcePage,
        SyncError, SyncHealth, SyncKey, SyncReport, SyncStatus,
    },
    token::MemoryStore,
};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

fn record(id: &str) -> RecordKey {
    RecordKey { organization: "org".into(), kind: "contact".into(), id: id.into() }
}

fn change(id: &str, version: Timestamp, origin: ChangeOrigin, mutation: Mutation) -> Change {
    let (key, location) = (record(id), Some("l1".into()));
    Change {
        key,
        location,
        version,
        origin,
        position: None,
        mutation,
        searchable: &[],
        refetch_task: None,
        on_change: None,
    }
}

/// Returns `count` ids: `c000`, `c001`, ….
pub(crate) fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("c{n:03}")).collect()
}

/// A provider whose listing is a sequence of pages. The cursor of a page is its number; the first page has none.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    pub(crate) pages: Mutex<Vec<Vec<String>>>,
    /// The error of a page, by its number. Each is returned once.
    pub(crate) page_failures: Mutex<BTreeMap<usize, Error>>,
    /// Records that a lookup finds. Every other is deleted.
    pub(crate) existing: Mutex<BTreeSet<String>>,
    /// The error of a lookup, by record id.
    pub(crate) unreadable: Mutex<BTreeMap<String, Error>>,
    /// Merged records: a lookup of the key returns the record of the value.
    pub(crate) merged: Mutex<BTreeMap<String, String>>,
    /// The time of a record's last change. [`Provider::default_version`] for the others.
    pub(crate) versions: Mutex<BTreeMap<String, Timestamp>>,
    /// The latency of a page request.
    pub(crate) page_latency: Mutex<Option<(Arc<dyn Clock>, Duration)>>,
    /// Tasks to enqueue when a run completes.
    pub(crate) on_complete: Mutex<Vec<NewTask>>,
    /// The mode and `since` of each page request.
    pub(crate) requests: Mutex<Vec<(Mode, Option<Timestamp>)>>,
    /// The numbers of the requested pages.
    page_requests: Mutex<Vec<usize>>,
    /// The ids of the lookups.
    lookups: Mutex<Vec<String>>,
}

impl Provider {
    pub(crate) fn default_version() -> Timestamp {
        Timestamp::from_secs(1_771_000_000)
    }

    pub(crate) fn list(&self, pages: &[&[String]]) {
        *self.pages.lock().unwrap() = pages.iter().map(|page| page.to_vec()).collect();
    }

    pub(crate) fn fail_page(&self, number: usize, error: Error) {
        self.page_failures.lock().unwrap().insert(number, error);
    }

    /// Returns the numbers of the pages requested since the last call.
    pub(crate) fn take_page_requests(&self) -> Vec<usize> {
        std::mem::take(&mut *self.page_requests.lock().unwrap())
    }

    /// Returns the ids looked up since the last call.
    pub(crate) fn take_lookups(&self) -> Vec<String> {
        std::mem::take(&mut *self.lookups.lock().unwrap())
    }
}

impl Lookup for Provider {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        self.lookups.lock().unwrap().push(id.to_owned());
        if let Some(error) = self.unreadable.lock().unwrap().get(id) {
            return Err(error.clone());
        }
        let merged = self.merged.lock().unwrap();
        let exists = self.existing.lock().unwrap().contains(id) || merged.contains_key(id);
        let mutation = if exists { Mutation::Put(Arc::default()) } else { Mutation::Delete };
        let returned_id = merged.get(id).map_or(id, String::as_str);
        Ok(change(returned_id, Self::default_version(), ChangeOrigin::Read { revision }, mutation))
    }
}

impl Source for Provider {
    type Cursor = usize;

    async fn page(&self, request: PageRequest<usize>) -> Result<SourcePage<usize>> {
        self.requests.lock().unwrap().push((request.mode, request.since));
        let number = request.cursor.unwrap_or_default();
        self.page_requests.lock().unwrap().push(number);
        let latency = self.page_latency.lock().unwrap().clone();
        if let Some((clock, latency)) = latency {
            clock.sleep(latency).await;
        }
        if let Some(error) = self.page_failures.lock().unwrap().remove(&number) {
            return Err(error);
        }
        let (pages, versions) = (self.pages.lock().unwrap(), self.versions.lock().unwrap());
        let listed = |id: &String| {
            let version = versions.get(id).copied().unwrap_or_else(Self::default_version);
            change(id, version, ChangeOrigin::Listed, Mutation::Put(Arc::default()))
        };
        let next = Some(number + 1).filter(|next| *next < pages.len());
        let page = Page { items: pages[number].iter().map(listed).collect(), next, total: None };
        Ok(SourcePage { page, range: Some(KeyRange { kind: "contact", location: None, after: None, up_to: None }) })
    }

    fn on_complete(&self, _: Mode) -> Vec<NewTask> {
        self.on_complete.lock().unwrap().clone()
    }
}

/// The content of the store.
#[derive(Debug)]
struct State {
    status: SyncStatus,
    /// Set when a full run was requested after the current run started.
    full_requested_during_run: bool,
    stored: BTreeSet<String>,
    /// Ids that this run has listed so far.
    listed: BTreeSet<String>,
    confirmed: BTreeSet<String>,
    /// Each task, and whether it was committed together with the end of a run.
    tasks: Vec<(String, bool)>,
}

/// In-memory records and checkpoints. The range of a run counts as scanned when its last page is committed.
#[derive(Debug)]
pub(crate) struct FakeStore(Mutex<State>);

impl FakeStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Replaces the stored cursor.
    pub(crate) fn put_cursor(&self, cursor: &str) {
        self.lock().status.progress.as_mut().unwrap().cursor = Some(cursor.into());
    }
}

#[async_trait]
impl Records for FakeStore {
    async fn commit(&self, batch: Batch) -> Result<Outcome, StoreError> {
        let mut state = self.lock();
        let mut written = Vec::new();
        for change in &batch.changes {
            let id = change.key.id.to_string();
            let known = state.stored.contains(&id);
            written.push(match change.mutation {
                Mutation::Delete if state.stored.remove(&id) => ChangeOutcome::Deleted,
                _ if known => ChangeOutcome::Unchanged,
                _ => ChangeOutcome::Inserted,
            });
            if change.mutation != Mutation::Delete {
                state.stored.insert(id.clone());
            }
            if change.origin == ChangeOrigin::Listed {
                state.listed.insert(id);
            } else {
                state.confirmed.insert(id);
            }
        }
        let is_end = matches!(batch.checkpoint, Some(CheckpointWrite::Finished { .. }));
        state.tasks.extend(batch.outbox.iter().map(|task| (task.key.to_string(), is_end)));
        match batch.checkpoint {
            Some(CheckpointWrite::Progress(_, progress)) => state.status.progress = Some(progress),
            Some(CheckpointWrite::Finished { mode, at, watermark, next_run_at, .. }) => {
                let full_requested_during_run = state.full_requested_during_run;
                let status = &mut state.status;
                (status.progress, status.watermark, status.last_sync_at) = (None, watermark, Some(at));
                (status.error_count, status.next_run_at) = (0, Some(next_run_at));
                if mode == Mode::Full {
                    status.last_full_at = Some(at);
                    status.full_requested = full_requested_during_run;
                }
                state.clear_run();
            }
            None => {}
        }
        Ok(Outcome { committed: true, changes: written, missing: 0 })
    }

    async fn record(&self, _: &RecordKey) -> Result<Option<Record>, StoreError> {
        Ok(None)
    }
    async fn list(&self, _: &OrganizationId, _: &str, _: &Listing) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }
    async fn count(&self, _: &OrganizationId, _: &str, _: Option<&str>) -> Result<u64, StoreError> {
        Ok(self.lock().stored.len() as u64)
    }
    async fn applied(&self, _: &str) -> Result<(u64, u64), StoreError> {
        Ok((0, 0))
    }
}

impl State {
    fn clear_run(&mut self) {
        self.listed.clear();
        self.confirmed.clear();
    }
}

#[async_trait]
impl Checkpoints for FakeStore {
    async fn schedule(&self, _: &SyncKey, _: Timestamp, full: bool) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.status.full_requested |= full;
        state.full_requested_during_run |= full;
        Ok(())
    }
    async fn force(&self, _: &SyncKey) -> Result<(), StoreError> {
        let status = &mut self.lock().status;
        (status.full_requested, status.force_requested) = (true, true);
        Ok(())
    }
    async fn due(&self, _: Timestamp, _: u32) -> Result<Vec<SyncStatus>, StoreError> {
        Ok(Vec::new())
    }
    async fn status(&self, _: &SyncKey) -> Result<Option<SyncStatus>, StoreError> {
        Ok(Some(self.lock().status.clone()))
    }
    async fn statuses(&self, _: &OrganizationId) -> Result<Vec<SyncStatus>, StoreError> {
        Ok(Vec::new())
    }
    async fn failed(&self, _: &SyncKey, why: &str, retry_at: Timestamp) -> Result<(), StoreError> {
        let status = &mut self.lock().status;
        status.error_count += 1;
        (status.last_error, status.next_run_at) = (Some(why.to_owned()), Some(retry_at));
        Ok(())
    }
    async fn restart(&self, _: &SyncKey) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.status.progress = None;
        state.full_requested_during_run = false;
        state.clear_run();
        Ok(())
    }
    async fn stop(&self, _: &OrganizationId, _: Option<&str>) -> Result<(), StoreError> {
        Ok(())
    }
    async fn missing(&self, _: &SyncKey, limit: u32) -> Result<Vec<(RecordKey, u64)>, StoreError> {
        let state = self.lock();
        let missing = state.stored.iter().filter(|id| !state.listed.contains(*id) && !state.confirmed.contains(*id));
        Ok(missing.take(usize::try_from(limit).unwrap()).map(|id| (record(id), 1)).collect())
    }
    async fn next_due(&self, _: Timestamp) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }
}

/// Leases that a test can revoke.
#[derive(Debug)]
struct Leases {
    store: MemoryStore,
    lost: AtomicBool,
}

#[async_trait]
impl LeaseStore for Leases {
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        self.store.try_acquire(key, holder, ttl).await
    }
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        if self.lost.load(Relaxed) { Ok(false) } else { self.store.renew(lease, ttl).await }
    }
    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.store.release(lease).await
    }
}

/// A sync engine with its store, leases and provider.
pub(crate) struct Harness {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) provider: Provider,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) engine: Engine,
    leases: Arc<Leases>,
}

impl Harness {
    /// Starts with `stored` records, which the provider lists on one page.
    pub(crate) fn new(stored: &[String]) -> Self {
        Self::with_config(stored, EngineConfig::default())
    }

    pub(crate) fn with_config(stored: &[String], config: EngineConfig) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_secs(1_772_000_000)));
        let status = SyncStatus {
            key: key(),
            progress: None,
            watermark: None,
            last_full_at: None,
            last_sync_at: None,
            health: SyncHealth::Healthy,
            error_count: 0,
            last_error: None,
            next_run_at: None,
            full_requested: false,
            force_requested: false,
        };
        let store = Arc::new(FakeStore(Mutex::new(State {
            status,
            full_requested_during_run: false,
            stored: stored.iter().cloned().collect(),
            listed: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            tasks: Vec::new(),
        })));
        let leases = Arc::new(Leases { store: MemoryStore::with_clock(clock.clone()), lost: AtomicBool::new(false) });
        let engine = Engine::new(store.clone(), store.clone(), leases.clone(), clock.clone(), config);
        let provider = Provider::default();
        provider.list(&[stored]);
        Self { clock, provider, store, engine, leases }
    }

    /// Runs the source once.
    pub(crate) async fn run(&self) -> Result<SyncReport, SyncError> {
        self.engine.run(&key(), &self.provider, &()).await
    }

    /// Runs the source once and returns the mode of the run.
    pub(crate) async fn mode_of_run(&self) -> Mode {
        self.provider.requests.lock().unwrap().clear();
        self.run().await.unwrap();
        self.provider.requests.lock().unwrap()[0].0
    }

    pub(crate) async fn force_run(&self) -> Result<SyncReport, SyncError> {
        self.store.force(&key()).await.unwrap();
        self.run().await
    }

    pub(crate) fn revoke_lease(&self) {
        self.leases.lost.store(true, Relaxed);
    }

    pub(crate) fn status(&self) -> SyncStatus {
        self.store.lock().status.clone()
    }

    pub(crate) fn progress(&self) -> Option<Progress> {
        self.status().progress
    }

    /// Returns the tasks enqueued since the last call, and whether each was committed with the end of a run.
    pub(crate) fn take_tasks(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.store.lock().tasks)
    }

    pub(crate) fn stored(&self) -> Vec<String> {
        self.store.lock().stored.iter().cloned().collect()
    }

    /// Returns the time until the next run is due.
    pub(crate) fn due_in(&self) -> Duration {
        self.status().next_run_at.unwrap().since(self.clock.now())
    }
}

pub(crate) fn key() -> SyncKey {
    SyncKey::new("org", "ACME_CONTACTS", "l1")
}
