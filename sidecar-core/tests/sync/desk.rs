//! A store in memory that knows which records there are, and a provider whose listing is scripted.

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

fn change(id: &str, version: Timestamp, origin: ChangeOrigin, effect: Mutation) -> Change {
    let (key, location) = (record(id), Some("l1".into()));
    Change {
        key,
        location,
        version,
        origin,
        position: None,
        mutation: effect,
        searchable: &[],
        refetch_task: None,
        on_change: None,
    }
}

/// Ids from `c000` on.
pub(crate) fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("c{n:03}")).collect()
}

/// A provider whose listing is one row of pages; every page but the first has its number as cursor.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    pub(crate) pages: Mutex<Vec<Vec<String>>>,
    /// Answers of single pages that fail, by number; each once.
    pub(crate) page_failures: Mutex<BTreeMap<usize, Error>>,
    /// Records that a read by id finds: every other is gone.
    pub(crate) alive: Mutex<BTreeSet<String>>,
    /// Records that a read by id fails for.
    pub(crate) unreadable: Mutex<BTreeMap<String, Error>>,
    /// Records under which another one answers.
    pub(crate) merged: Mutex<BTreeMap<String, String>>,
    /// The time of a record's last change; [`Provider::usual_version`] where none is given.
    pub(crate) versions: Mutex<BTreeMap<String, Timestamp>>,
    /// How long a page takes.
    pub(crate) page_takes: Mutex<Option<(Arc<dyn Clock>, Duration)>>,
    /// What a pass that ended well leads to.
    pub(crate) afterwards: Mutex<Vec<NewTask>>,
    /// The mode and start of each page request.
    pub(crate) requests: Mutex<Vec<(Mode, Option<Timestamp>)>>,
    /// The pages that were asked for, and the records.
    pub(crate) asked: Mutex<Vec<usize>>,
    pub(crate) read: Mutex<Vec<String>>,
}

impl Provider {
    pub(crate) fn usual_version() -> Timestamp {
        Timestamp::from_secs(1_771_000_000)
    }

    pub(crate) fn list(&self, pages: &[&[String]]) {
        *self.pages.lock().unwrap() = pages.iter().map(|page| page.to_vec()).collect();
    }

    pub(crate) fn fail_page(&self, number: usize, error: Error) {
        self.page_failures.lock().unwrap().insert(number, error);
    }

    pub(crate) fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    pub(crate) fn read(&self) -> Vec<String> {
        std::mem::take(&mut *self.read.lock().unwrap())
    }
}

impl Lookup for Provider {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        self.read.lock().unwrap().push(id.to_owned());
        if let Some(error) = self.unreadable.lock().unwrap().get(id) {
            return Err(error.clone());
        }
        let merged = self.merged.lock().unwrap();
        let alive = self.alive.lock().unwrap().contains(id) || merged.contains_key(id);
        let effect = if alive { Mutation::Put(Arc::default()) } else { Mutation::Delete };
        let answered = merged.get(id).map_or(id, String::as_str);
        Ok(change(answered, Self::usual_version(), ChangeOrigin::Read { revision }, effect))
    }
}

impl Source for Provider {
    type Cursor = usize;

    async fn page(&self, request: PageRequest<usize>) -> Result<SourcePage<usize>> {
        self.requests.lock().unwrap().push((request.mode, request.since));
        let number = request.cursor.unwrap_or_default();
        self.asked.lock().unwrap().push(number);
        let takes = self.page_takes.lock().unwrap().clone();
        if let Some((clock, takes)) = takes {
            clock.sleep(takes).await;
        }
        if let Some(error) = self.page_failures.lock().unwrap().remove(&number) {
            return Err(error);
        }
        let (pages, versions) = (self.pages.lock().unwrap(), self.versions.lock().unwrap());
        let listed = |id: &String| {
            let version = versions.get(id).copied().unwrap_or_else(Self::usual_version);
            change(id, version, ChangeOrigin::Listed, Mutation::Put(Arc::default()))
        };
        let next = Some(number + 1).filter(|next| *next < pages.len());
        let page = Page { items: pages[number].iter().map(listed).collect(), next, total: None };
        Ok(SourcePage { page, range: Some(KeyRange { kind: "contact", location: None, after: None, up_to: None }) })
    }

    fn on_complete(&self, _: Mode) -> Vec<NewTask> {
        self.afterwards.lock().unwrap().clone()
    }
}

/// What the store holds.
#[derive(Debug)]
struct State {
    status: SyncStatus,
    /// Whether a full pass was wished for since the one under way began.
    wished_meanwhile: bool,
    stored: BTreeSet<String>,
    /// What this pass has listed so far.
    listed: BTreeSet<String>,
    confirmed: BTreeSet<String>,
    /// Each task with whether a pass ended with it.
    tasks: Vec<(String, bool)>,
}

/// Records and checkpoints in memory. A pass vouches for its whole listing once its last page is committed.
#[derive(Debug)]
pub(crate) struct FakeStore(Mutex<State>);

impl FakeStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Replaces the kept cursor.
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
                let wished_meanwhile = state.wished_meanwhile;
                let status = &mut state.status;
                (status.progress, status.watermark, status.last_sync_at) = (None, watermark, Some(at));
                (status.error_count, status.next_run_at) = (0, Some(next_run_at));
                if mode == Mode::Full {
                    status.last_full_at = Some(at);
                    status.full_requested = wished_meanwhile;
                }
                state.forget_pass();
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
    fn forget_pass(&mut self) {
        self.listed.clear();
        self.confirmed.clear();
    }
}

#[async_trait]
impl Checkpoints for FakeStore {
    async fn schedule(&self, _: &SyncKey, _: Timestamp, full: bool) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.status.full_requested |= full;
        state.wished_meanwhile |= full;
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
        state.wished_meanwhile = false;
        state.forget_pass();
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

/// Leases that can be taken away.
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

/// An engine with all that is around it.
pub(crate) struct Desk {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) provider: Provider,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) engine: Engine,
    leases: Arc<Leases>,
}

impl Desk {
    /// Records that are stored; the provider lists them too, on one page.
    pub(crate) fn new(stored: &[String]) -> Self {
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
            wished_meanwhile: false,
            stored: stored.iter().cloned().collect(),
            listed: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            tasks: Vec::new(),
        })));
        let leases = Arc::new(Leases { store: MemoryStore::with_clock(clock.clone()), lost: AtomicBool::new(false) });
        let config = EngineConfig::default();
        let engine = Engine::new(store.clone(), store.clone(), leases.clone(), clock.clone(), config);
        let provider = Provider::default();
        provider.list(&[stored]);
        Self { clock, provider, store, engine, leases }
    }

    /// Runs the source once.
    pub(crate) async fn pass(&self) -> Result<SyncReport, SyncError> {
        self.engine.run(&key(), &self.provider, &()).await
    }

    /// Runs the source once and returns the mode of the run.
    pub(crate) async fn mode_of_run(&self) -> Mode {
        self.provider.requests.lock().unwrap().clear();
        self.pass().await.unwrap();
        self.provider.requests.lock().unwrap()[0].0
    }

    pub(crate) async fn forced_pass(&self) -> Result<SyncReport, SyncError> {
        self.store.force(&key()).await.unwrap();
        self.pass().await
    }

    pub(crate) fn take_the_lease_away(&self) {
        self.leases.lost.store(true, Relaxed);
    }

    pub(crate) fn status(&self) -> SyncStatus {
        self.store.lock().status.clone()
    }

    pub(crate) fn progress(&self) -> Option<Progress> {
        self.status().progress
    }

    /// The tasks that were written, each with whether a pass ended with it.
    pub(crate) fn tasks(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.store.lock().tasks)
    }

    pub(crate) fn stored(&self) -> Vec<String> {
        self.store.lock().stored.iter().cloned().collect()
    }

    /// How long until it is due again.
    pub(crate) fn due_in(&self) -> Duration {
        self.status().next_run_at.unwrap().since(self.clock.now())
    }
}

pub(crate) fn key() -> SyncKey {
    SyncKey::new("org", "ACME_CONTACTS", "l1")
}
