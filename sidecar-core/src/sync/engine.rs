use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use futures_util::future::join;
use tokio_util::sync::CancellationToken;

use super::{CheckpointWrite, Checkpoints, Mode, Phase, Progress, Source, SourcePage, SyncKey, SyncStatus};
use crate::{
    commit::{Batch, KeyRange, MAX_CHANGES, Outcome, Records, ScannedRange},
    error::{Error, ErrorKind, Retry, StoreError},
    lease::{Lease, LeaseStore},
    page::CursorGuard,
    queue::outbox::NewTask,
    record::{Change, ChangeOutcome, Mutation},
    time::{Clock, Timestamp},
};

/// How many missing records are read before what was found is committed.
const CONFIRMED_AT_ONCE: u32 = 50;

/// How passes run.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
    /// When a source is due again after a good pass.
    pub interval: Duration,
    /// A pass is full when the last full one is older than this.
    pub full_sync_interval: Duration,
    /// When a source is due again after a failure; doubled with each further one, up to `interval`.
    pub retry_backoff: Duration,
    /// How far the provider's search index may index_lag: an incremental pass begins this much before the newest version
    /// known, and a full pass removes nothing younger than its own start minus this.
    pub index_lag: Duration,
    /// A pass that lacks more than this share of the stored records stops instead of removing them.
    pub max_delete_ratio: f64,
    /// So few missing records are removed whatever their share: each is confirmed by a read.
    pub max_delete_floor: u64,
    /// How long the lease lives without being renewed.
    pub lease: Duration,
}

impl Default for EngineConfig {
    /// Every 15 minutes, full once a day, 2 minutes of lag, at most 20 % removed (10 records always may be).
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(900),
            full_sync_interval: Duration::from_secs(86_400),
            retry_backoff: Duration::from_secs(30),
            index_lag: Duration::from_secs(120),
            max_delete_ratio: 0.20,
            max_delete_floor: 10,
            lease: Duration::from_secs(15),
        }
    }
}

/// What a pass did. Counts are of this run: a pass that was resumed counts only its rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Pages fetched.
    pub pages: u64,
    /// Rows looked at.
    pub seen: u64,
    /// New records.
    pub inserted: u64,
    /// Changed records.
    pub updated: u64,
    /// Removed records.
    pub deleted: u64,
    /// Rows known already.
    pub unchanged: u64,
    /// Rows of which something newer is stored, or whose order a read by id will tell.
    pub skipped: u64,
}

impl SyncReport {
    fn count(&mut self, outcome: &Outcome) {
        for written in &outcome.changes {
            let counter = match written {
                ChangeOutcome::Inserted => &mut self.inserted,
                ChangeOutcome::Updated => &mut self.updated,
                ChangeOutcome::Deleted => &mut self.deleted,
                ChangeOutcome::Unchanged => &mut self.unchanged,
                ChangeOutcome::Stale | ChangeOutcome::Ambiguous => &mut self.skipped,
            };
            *counter += 1;
        }
    }
}

/// Why a pass ended early. What was committed stays, and the next pass goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// Another process runs it.
    #[error("another process is syncing {0}")]
    Busy(SyncKey),
    /// The provider failed.
    #[error("{0}")]
    Provider(#[from] Error),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The pass lacks so many records that it would rather stop: the listing is probably incomplete.
    #[error(
        "{missing} of {stored} stored records are missing in the provider's listing, more than {allowed_percent} % of them; \
         nothing was removed. If they were really deleted, run the sync again with force"
    )]
    MassDelete {
        /// Records the listing lacks.
        missing: u64,
        /// Live records stored.
        stored: u64,
        /// The share that may go, in percent.
        allowed_percent: u32,
    },
    /// The kept cursor cannot be read by this version of the source.
    #[error("the kept cursor cannot be read ({0}); the pass starts anew")]
    Cursor(String),
    /// The lease was lost: another process goes on with the pass.
    #[error("the lease was lost; another process may go on with the pass")]
    LeaseLost,
    /// This process is stopping ([`Engine::with_shutdown`]): the lease is handed back and any process may go on.
    #[error("the process is stopping; the pass goes on from its last page")]
    Stopped,
}

impl SyncError {
    /// Whether going on from the kept cursor would fail in the same way: the next pass has to start anew.
    fn is_in_the_way(&self) -> bool {
        use ErrorKind::{Conflict, Decode, InvalidInput, NotFound, Rejected};
        match self {
            Self::Cursor(_) | Self::MassDelete { .. } => true,
            Self::Provider(error) => matches!(error.kind(), Rejected | NotFound | Conflict | Decode | InvalidInput),
            _ => false,
        }
    }
}

/// Watches a pass, for progress bars and metrics.
pub trait SyncObserver: Send + Sync {
    /// A page was committed.
    fn page(&self, key: &SyncKey, progress: &Progress);
}

impl SyncObserver for () {
    fn page(&self, _: &SyncKey, _: &Progress) {}
}

/// Runs passes: fetches a page while the previous one is committed, keeps the cursor with every page, removes what a
/// whole full pass did not find and a read by id does not find either.
#[derive(Clone)]
pub struct Engine {
    records: Arc<dyn Records>,
    checkpoints: Arc<dyn Checkpoints>,
    leases: Arc<dyn LeaseStore>,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    stop: CancellationToken,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A pass that a process holds the lease of. Dropping it leaves the lease to run out; [`Engine::run`] hands it back.
#[derive(Debug)]
pub struct SyncRun {
    lease: Lease,
    status: SyncStatus,
    progress: Progress,
}

impl SyncRun {
    /// Full or incremental: what the source has to list.
    pub fn mode(&self) -> Mode {
        self.progress.mode
    }

    /// Where an incremental pass begins: the newest version known, minus the provider's lag.
    pub fn since(&self, config: &EngineConfig) -> Option<Timestamp> {
        self.status.watermark.map(|newest| newest - config.index_lag)
    }

    /// How far it has come.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Engine {
    /// An engine on these ports.
    pub fn new(
        records: Arc<dyn Records>,
        checkpoints: Arc<dyn Checkpoints>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
        config: EngineConfig,
    ) -> Self {
        Self { records, checkpoints, leases, clock, config, stop: CancellationToken::new() }
    }

    /// Ends passes early when `stop` is cancelled, with their leases handed back.
    #[must_use]
    pub fn with_shutdown(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// How passes run.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Takes the lease of a scheduled source and says what kind of pass is to run: the one that was interrupted, or a new one.
    ///
    /// # Errors
    /// [`SyncError::Busy`] while another process runs it.
    pub async fn begin(&self, key: &SyncKey) -> Result<SyncRun, SyncError> {
        let holder = uuid::Uuid::new_v4().to_string();
        let Some(lease) = self.leases.try_acquire(&format!("sync:{key}"), &holder, self.config.lease).await? else {
            return Err(SyncError::Busy(key.clone()));
        };
        match self.pass_to_run(key).await {
            Ok((status, progress)) => Ok(SyncRun { lease, status, progress }),
            Err(error) => {
                self.hand_back(&lease).await;
                Err(error.into())
            }
        }
    }

    async fn pass_to_run(&self, key: &SyncKey) -> Result<(SyncStatus, Progress), StoreError> {
        let now = self.clock.now();
        let Some(status) = self.checkpoints.status(key).await? else {
            return Err(StoreError::broken(format!("{key} is not scheduled")));
        };
        let recent = |progress: &Progress| now.since(progress.started_at) < self.config.full_sync_interval;
        let wanted = |progress: &Progress| progress.mode == Mode::Full || !status.full_requested;
        if let Some(progress) = status.progress.clone().filter(|progress| wanted(progress) && recent(progress)) {
            return Ok((status, progress));
        }
        self.checkpoints.restart(key).await?;
        let progress = self.new_pass(&status, now);
        Ok((status, progress))
    }

    async fn hand_back(&self, lease: &Lease) {
        if let Err(error) = self.leases.release(lease).await {
            tracing::warn!(key = %lease.key, %error, "the lease was not handed back; it runs out by itself");
        }
    }

    fn new_pass(&self, status: &SyncStatus, now: Timestamp) -> Progress {
        let full_is_recent = status.last_full_at.is_some_and(|last| now.since(last) < self.config.full_sync_interval);
        let incremental = full_is_recent && !status.full_requested && status.watermark.is_some();
        Progress {
            mode: if incremental { Mode::Incremental } else { Mode::Full },
            phase: Phase::Listing,
            cursor: None,
            started_at: now,
            newest: None,
            pages: 0,
            seen: 0,
        }
    }

    /// Runs a pass to its end and hands the lease back. A failure is written into the source's status.
    ///
    /// # Errors
    /// [`SyncError`]; what was committed stays.
    pub async fn run<S: Source>(
        &self,
        pass: SyncRun,
        source: &S,
        force: bool,
        observer: &dyn SyncObserver,
    ) -> Result<SyncReport, SyncError> {
        let (key, lease) = (pass.status.key.clone(), pass.lease.clone());
        let failures = pass.status.error_count;
        let outcome = self.keeping_lease(&lease, self.pass(pass, source, force, observer)).await;
        if let Err(error) = &outcome
            && let Err(failed) = self.write_failure(&key, error, failures).await
        {
            tracing::error!(%key, %error, %failed, "a pass failed, and that could not be written down");
        }
        self.hand_back(&lease).await;
        outcome
    }

    async fn write_failure(&self, key: &SyncKey, error: &SyncError, failures: u32) -> Result<(), StoreError> {
        if error.is_in_the_way() {
            self.checkpoints.restart(key).await?;
        }
        if !matches!(error, SyncError::LeaseLost | SyncError::Stopped) {
            let pause = self.config.retry_backoff.saturating_mul(1 << failures.min(10)).min(self.config.interval);
            self.checkpoints.failed(key, &error.to_string(), self.clock.now() + pause).await?;
        }
        Ok(())
    }

    /// Runs `work` while the lease is kept; stops it when the lease is lost.
    async fn keeping_lease<T>(
        &self,
        lease: &Lease,
        work: impl Future<Output = Result<T, SyncError>>,
    ) -> Result<T, SyncError> {
        if !self.leases.renew(lease, self.config.lease).await? {
            return Err(SyncError::LeaseLost);
        }
        let keep = async {
            loop {
                self.clock.sleep(self.config.lease / 3).await;
                match self.leases.renew(lease, self.config.lease).await {
                    Ok(true) => {}
                    Ok(false) => return SyncError::LeaseLost,
                    Err(error) => tracing::warn!(key = %lease.key, %error, "the lease could not be prolonged"),
                }
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(SyncError::Stopped),
            done = work => done,
            lost = keep => Err(lost),
        }
    }

    async fn pass<S: Source>(
        &self,
        mut pass: SyncRun,
        source: &S,
        force: bool,
        observer: &dyn SyncObserver,
    ) -> Result<SyncReport, SyncError> {
        let mut report = SyncReport::default();
        if pass.progress.phase == Phase::Listing {
            self.list(&mut pass, source, &mut report, observer).await?;
            if pass.progress.mode == Mode::Full {
                self.guard(&pass, force || pass.status.force_requested).await?;
            }
            pass.progress.phase = Phase::Confirming;
            self.write_progress(&pass).await?;
        }
        if pass.progress.mode == Mode::Full {
            self.confirm(&pass, source, &mut report).await?;
        }
        self.finish(&pass, source.on_complete()).await?;
        Ok(report)
    }

    /// Copies all pages from the kept cursor on.
    async fn list<S: Source>(
        &self,
        pass: &mut SyncRun,
        source: &S,
        report: &mut SyncReport,
        observer: &dyn SyncObserver,
    ) -> Result<(), SyncError> {
        let mut at: Option<S::Cursor> = match pass.progress.cursor.clone() {
            Some(cursor) => Some(serde_json::from_value(cursor).map_err(|error| SyncError::Cursor(error.to_string()))?),
            None => None,
        };
        let mut guard = CursorGuard::new();
        guard.visit(at.as_ref())?;
        let mut fetched = source.page(at).await?;
        loop {
            let SourcePage { page, range } = fetched;
            let batch = self.page_batch(pass, page.items, page.next.as_ref(), range)?;
            at = page.next;
            // The next page is fetched while this one is committed.
            let fetch = async {
                match at {
                    None => Ok(None),
                    Some(next) => {
                        guard.visit(Some(&next))?;
                        source.page(Some(next)).await.map(Some)
                    }
                }
            };
            let (committed, following) = join(self.commit_page(pass, batch, report, observer), fetch).await;
            committed?;
            match following? {
                Some(page) => fetched = page,
                None => return Ok(()),
            }
        }
    }

    /// A page with the cursor behind it.
    fn page_batch<C: serde::Serialize>(
        &self,
        pass: &mut SyncRun,
        changes: Vec<Change>,
        next: Option<&C>,
        range: Option<KeyRange>,
    ) -> Result<Batch, SyncError> {
        if changes.len() > MAX_CHANGES {
            let why = format!("a source's page holds {} rows, {MAX_CHANGES} are allowed", changes.len());
            return Err(Error::new(ErrorKind::InvalidInput, why).into());
        }
        let (key, progress) = (&pass.status.key, &mut pass.progress);
        progress.pages += 1;
        progress.seen += changes.len() as u64;
        // A time to come would hide every change until then.
        let newest = changes.iter().map(|change| change.version.min(progress.started_at));
        progress.newest = newest.chain(progress.newest).max();
        if let Some(next) = next {
            progress.cursor = Some(serde_json::to_value(next).map_err(|error| SyncError::Cursor(error.to_string()))?);
        }
        let older_than = progress.started_at - self.config.index_lag;
        let scanned = range.filter(|_| progress.mode == Mode::Full).map(|range| ScannedRange {
            pass: key.clone(),
            range,
            older_than,
        });
        let checkpoint = Some(CheckpointWrite::Progress(key.clone(), progress.clone()));
        Ok(Batch { changes, scanned, checkpoint, ..Batch::default() })
    }

    async fn commit_page(
        &self,
        pass: &SyncRun,
        batch: Batch,
        report: &mut SyncReport,
        observer: &dyn SyncObserver,
    ) -> Result<(), SyncError> {
        report.pages += 1;
        report.seen += batch.changes.len() as u64;
        let outcome = self.records.commit(batch).await?;
        report.count(&outcome);
        observer.page(&pass.status.key, &pass.progress);
        Ok(())
    }

    /// Stops a pass that would remove too much.
    async fn guard(&self, pass: &SyncRun, force: bool) -> Result<(), SyncError> {
        let key = &pass.status.key;
        let records = self.checkpoints.missing(key, u32::MAX).await?;
        let Some((first, _)) = records.first() else { return Ok(()) };
        let missing = records.len() as u64;
        let location = Some(&*key.location).filter(|location| !location.is_empty());
        let stored = self.records.count(&key.organization, &first.kind, location).await?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of counts far below 2^52"
        )]
        let (allowed, allowed_percent) = (
            (stored as f64 * self.config.max_delete_ratio) as u64,
            (self.config.max_delete_ratio * 100.0).round() as u32,
        );
        if force || missing <= self.config.max_delete_floor || missing <= allowed {
            return Ok(());
        }
        Err(SyncError::MassDelete { missing, stored, allowed_percent })
    }

    /// Reads what the listing lacked by id, and removes what is really gone. A record that cannot be read is skipped as it is,
    /// for the next full pass to look at again.
    async fn confirm<S: Source>(&self, pass: &SyncRun, source: &S, report: &mut SyncReport) -> Result<(), SyncError> {
        let key = &pass.status.key;
        let mut unreadable = HashSet::new();
        loop {
            let limit = CONFIRMED_AT_ONCE.saturating_add(u32::try_from(unreadable.len()).unwrap_or(u32::MAX));
            let mut missing = self.checkpoints.missing(key, limit).await?;
            missing.retain(|(record, _)| !unreadable.contains(record));
            if missing.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::default();
            for (record, revision) in missing {
                match source.read(&record.id, revision).await {
                    Ok(change) if change.key == record => batch.changes.push(change),
                    Ok(change) => {
                        tracing::warn!(%key, id = %record.id, answered = %change.key.id, "another record was read; it is skipped as it is");
                        unreadable.insert(record);
                    }
                    Err(error) if error.retry() == Retry::Never && error.kind() != ErrorKind::Auth => {
                        tracing::warn!(%key, id = %record.id, %error, "a missing record cannot be read; it is skipped as it is");
                        report.skipped += 1;
                        unreadable.insert(record);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let gone = batch.changes.iter().filter(|change| change.mutation == Mutation::Delete).count();
            tracing::info!(%key, gone, alive = batch.changes.len() - gone, "missing records read by id");
            let outcome = self.records.commit(batch).await?;
            report.count(&outcome);
        }
    }

    async fn write_progress(&self, pass: &SyncRun) -> Result<(), SyncError> {
        let checkpoint = Some(CheckpointWrite::Progress(pass.status.key.clone(), pass.progress.clone()));
        self.records.commit(Batch { checkpoint, ..Batch::default() }).await?;
        Ok(())
    }

    async fn finish(&self, pass: &SyncRun, outbox: Vec<NewTask>) -> Result<(), SyncError> {
        let now = self.clock.now();
        let checkpoint = Some(CheckpointWrite::Finished {
            key: pass.status.key.clone(),
            mode: pass.progress.mode,
            at: now,
            watermark: match pass.progress.mode {
                Mode::Full => pass.progress.newest,
                Mode::Incremental => pass.progress.newest.max(pass.status.watermark),
            },
            next_run_at: now + self.config.interval,
        });
        self.records.commit(Batch { checkpoint, outbox, ..Batch::default() }).await?;
        Ok(())
    }
}
