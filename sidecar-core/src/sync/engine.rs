use std::{borrow::Cow, collections::HashSet, fmt, sync::Arc};

use futures_util::future::join;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    CheckpointWrite, Checkpoints, EngineConfig, Mode, PageRequest, Phase, Progress, Source, SourcePage, SyncError,
    SyncKey, SyncObserver, SyncReport, SyncStatus,
};
use crate::{
    commit::{Batch, KeyRange, MAX_CHANGES, NewTask, Records, ScannedRange},
    error::{Error, ErrorKind, Retry, StoreError},
    lease::{LeaseGuard, LeaseStore},
    page::CursorGuard,
    record::{Change, Mutation},
    time::{Clock, Timestamp},
};

/// How many missing records are looked up before the findings are committed.
const LOOKUPS_PER_COMMIT: u32 = 50;

/// How many pages are stored between two counts of the organization's records.
const PAGES_PER_COUNT: u64 = 100;

/// Runs syncs: fetches a page while the previous one is committed, stores the cursor with every page, and deletes the records
/// that neither a whole full run nor a lookup by id found.
///
/// ```text
/// acquire lease → choose mode, resume or restart → list pages → guard against mass deletion → look missing records up → finish
/// ```
#[derive(Clone)]
pub struct Engine {
    records: Arc<dyn Records>,
    checkpoints: Arc<dyn Checkpoints>,
    leases: Arc<dyn LeaseStore>,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    shutdown: CancellationToken,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

/// One run: what was stored about the source when it started, and how far it has come.
struct Run<'a, S> {
    source: &'a S,
    status: SyncStatus,
    progress: Progress,
    report: SyncReport,
    /// The kind of the listed records, once there is one.
    kind: Option<Cow<'static, str>>,
}

/// Returns the changes whose ids can be stored, and counts the others.
fn storable<S>(changes: Vec<Change>, run: &mut Run<'_, S>) -> Vec<Change> {
    let listed = changes.len();
    let changes: Vec<_> = changes.into_iter().filter(|change| change.key.check().is_ok()).collect();
    let invalid = (listed - changes.len()) as u64;
    if invalid > 0 {
        tracing::warn!(key = %run.status.key, rows = invalid, "the listing has rows whose ids cannot be stored; they are left out");
        run.report.invalid += invalid;
    }
    run.kind = run.kind.take().or_else(|| Some(changes.first()?.key.kind.clone()));
    changes
}

impl Engine {
    /// Returns an engine on these ports.
    pub fn new(
        records: Arc<dyn Records>,
        checkpoints: Arc<dyn Checkpoints>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
        config: EngineConfig,
    ) -> Self {
        Self { records, checkpoints, leases, clock, config, shutdown: CancellationToken::new() }
    }

    /// Ends runs early when `shutdown` is cancelled, with their leases released.
    #[must_use]
    pub fn with_shutdown(mut self, shutdown: CancellationToken) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Returns the configuration.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Runs a scheduled source to its end: resumes the interrupted run, or starts a full or incremental one. A failure is written
    /// to the source's status with the time of the next attempt.
    ///
    /// # Errors
    /// [`SyncError::Busy`] while another process runs the source; otherwise why the run ended early. Committed pages stay.
    pub async fn run<S: Source>(
        &self,
        key: &SyncKey,
        source: &S,
        observer: &dyn SyncObserver,
    ) -> Result<SyncReport, SyncError> {
        let span = tracing::info_span!(
            "sync run",
            otel.name = format!("sync {}", key.source),
            otel.kind = "internal",
            organization = %key.organization,
            sync.source = %key.source,
            sync.location = %key.location,
            sync.mode = tracing::field::Empty,
        );
        // Boxed: callers run several sources side by side, and the future of a run is large.
        Box::pin(self.run_in_span(key, source, observer).instrument(span)).await
    }

    async fn run_in_span<S: Source>(
        &self,
        key: &SyncKey,
        source: &S,
        observer: &dyn SyncObserver,
    ) -> Result<SyncReport, SyncError> {
        let (leases, clock) = (Arc::clone(&self.leases), Arc::clone(&self.clock));
        let lease = LeaseGuard::try_acquire(leases, clock, &format!("sync:{key}"), self.config.lease_ttl).await?;
        let Some(lease) = lease else { return Err(SyncError::Busy(key.clone())) };
        let outcome = match self.start(key, source).await {
            Ok(run) => self.run_under_lease(&lease, run, observer).await,
            Err(error) => Err(error.into()),
        };
        lease.release().await;
        outcome
    }

    async fn start<'a, S: Source>(&self, key: &SyncKey, source: &'a S) -> Result<Run<'a, S>, StoreError> {
        let now = self.clock.now();
        let Some(status) = self.checkpoints.status(key).await? else {
            return Err(StoreError::broken(format!("{key} is not scheduled")));
        };
        let is_recent = |progress: &Progress| now.since(progress.started_at) < self.config.full_sync_interval;
        let is_requested = |progress: &Progress| progress.mode == Mode::Full || !status.full_requested;
        let progress = match status.progress.clone().filter(|progress| is_requested(progress) && is_recent(progress)) {
            Some(interrupted) => interrupted,
            None => {
                self.checkpoints.restart(key).await?;
                self.new_progress(&status, now)
            }
        };
        tracing::Span::current().record("sync.mode", tracing::field::debug(progress.mode));
        Ok(Run { source, status, progress, report: SyncReport::default(), kind: None })
    }

    fn new_progress(&self, status: &SyncStatus, now: Timestamp) -> Progress {
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

    async fn run_under_lease<S: Source>(
        &self,
        lease: &LeaseGuard,
        run: Run<'_, S>,
        observer: &dyn SyncObserver,
    ) -> Result<SyncReport, SyncError> {
        let (key, failures) = (run.status.key.clone(), run.status.error_count);
        let outcome = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(SyncError::Stopped),
            done = lease.run(Box::pin(self.execute(run, observer))) => done.unwrap_or_else(|lost| Err(lost.into())),
        };
        if let Err(error) = &outcome
            && let Err(failed) = self.record_failure(&key, error, failures).await
        {
            tracing::error!(%key, %error, %failed, "could not store why a sync run failed");
        }
        outcome
    }

    async fn record_failure(&self, key: &SyncKey, error: &SyncError, failures: u32) -> Result<(), StoreError> {
        if error.invalidates_cursor() {
            self.checkpoints.restart(key).await?;
        }
        if !matches!(error, SyncError::LeaseLost | SyncError::Stopped) {
            let pause = self.config.retry_backoff.saturating_mul(1 << failures.min(10)).min(self.config.interval);
            self.checkpoints.failed(key, &error.to_string(), self.clock.now() + pause).await?;
        }
        Ok(())
    }

    async fn execute<S: Source>(
        &self,
        mut run: Run<'_, S>,
        observer: &dyn SyncObserver,
    ) -> Result<SyncReport, SyncError> {
        if run.progress.phase == Phase::Listing {
            self.list(&mut run, observer).await?;
            if run.progress.mode == Mode::Full {
                self.check_mass_delete(&run.status).await?;
            }
            run.progress.phase = Phase::Confirming;
            self.save_progress(&run).await?;
        }
        if run.progress.mode == Mode::Full {
            self.confirm_missing(&mut run).await?;
        }
        self.finish(&run, run.source.on_complete(run.progress.mode)).await?;
        Ok(run.report)
    }

    /// Copies all pages from the stored cursor on.
    async fn list<S: Source>(&self, run: &mut Run<'_, S>, observer: &dyn SyncObserver) -> Result<(), SyncError> {
        let cursor: Option<S::Cursor> = match run.progress.cursor.clone() {
            Some(cursor) => Some(serde_json::from_value(cursor).map_err(|error| SyncError::Cursor(error.to_string()))?),
            None => None,
        };
        let (source, mode) = (run.source, run.progress.mode);
        let since =
            run.status.watermark.map(|newest| newest - self.config.index_lag).filter(|_| mode == Mode::Incremental);
        let mut guard = CursorGuard::new();
        guard.visit(cursor.as_ref())?;
        let mut fetched = source.page(PageRequest { mode, since, cursor }).await?;
        loop {
            let SourcePage { page, range } = fetched;
            let changes = storable(page.items, run);
            let batch = self.page_batch(run, changes, page.next.as_ref(), range)?;
            let is_last = page.next.is_none();
            // The next page is fetched while this one is committed.
            let fetch = async {
                let Some(cursor) = page.next else { return Ok(None) };
                guard.visit(Some(&cursor))?;
                source.page(PageRequest { mode, since, cursor: Some(cursor) }).await.map(Some)
            };
            let (committed, following) = join(self.commit_page(run, batch, observer), fetch).await;
            committed?;
            if !is_last {
                self.check_length(run).await?;
            }
            match following? {
                Some(page) => fetched = page,
                None => return Ok(()),
            }
        }
    }

    /// Returns the batch of a page and the cursor after it.
    fn page_batch<S: Source>(
        &self,
        run: &mut Run<'_, S>,
        changes: Vec<Change>,
        next: Option<&S::Cursor>,
        range: Option<KeyRange>,
    ) -> Result<Batch, SyncError> {
        if changes.len() > MAX_CHANGES {
            let why = format!("a page of the source holds {} rows; at most {MAX_CHANGES} are allowed", changes.len());
            return Err(Error::new(ErrorKind::InvalidInput, why).into());
        }
        let (key, progress) = (&run.status.key, &mut run.progress);
        progress.pages += 1;
        progress.seen += changes.len() as u64;
        // A watermark in the future would hide every change until then.
        let newest = changes.iter().map(|change| change.version.min(progress.started_at));
        progress.newest = newest.chain(progress.newest).max();
        if let Some(next) = next {
            progress.cursor = Some(serde_json::to_value(next).map_err(|error| SyncError::Cursor(error.to_string()))?);
        }
        let older_than = progress.started_at - self.config.index_lag;
        let range = range.filter(|_| progress.mode == Mode::Full);
        let scanned = range.map(|range| ScannedRange { sync: key.clone(), range, older_than });
        let checkpoint = Some(CheckpointWrite::Progress(key.clone(), progress.clone()));
        Ok(Batch { changes, scanned, checkpoint, ..Batch::default() })
    }

    async fn commit_page<S: Source>(
        &self,
        run: &mut Run<'_, S>,
        batch: Batch,
        observer: &dyn SyncObserver,
    ) -> Result<(), SyncError> {
        run.report.pages += 1;
        run.report.seen += batch.changes.len() as u64;
        let outcome = self.records.commit(batch).await?;
        run.report.count(&outcome);
        observer.page(&run.status.key, &run.progress);
        Ok(())
    }

    /// Stops a run whose listing does not end, or that stores more than the organization may have.
    async fn check_length<S: Source>(&self, run: &Run<'_, S>) -> Result<(), SyncError> {
        let Progress { pages, seen: rows, .. } = run.progress;
        if pages >= self.config.max_pages || rows >= self.config.max_rows {
            return Err(SyncError::ListingTooLong { pages, rows });
        }
        let Some(kind) = &run.kind else { return Ok(()) };
        if run.report.pages % PAGES_PER_COUNT != 1 {
            return Ok(());
        }
        let stored = self.records.count(&run.status.key.organization, kind, None).await?;
        let limit = self.config.max_records;
        if stored >= limit { Err(SyncError::TooManyRecords { stored, limit }) } else { Ok(()) }
    }

    /// Stops a run that would delete too large a share of the records.
    async fn check_mass_delete(&self, status: &SyncStatus) -> Result<(), SyncError> {
        let key = &status.key;
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
        if status.force_requested || missing <= self.config.max_delete_floor || missing <= allowed {
            return Ok(());
        }
        Err(SyncError::MassDelete { missing, stored, allowed_percent })
    }

    /// Looks up what the listing lacked and deletes what the provider no longer has. A record that cannot be looked up stays as
    /// it is; the next full run looks it up again.
    async fn confirm_missing<S: Source>(&self, run: &mut Run<'_, S>) -> Result<(), SyncError> {
        let key = &run.status.key;
        let mut unreadable = HashSet::new();
        loop {
            let limit = LOOKUPS_PER_COMMIT.saturating_add(u32::try_from(unreadable.len()).unwrap_or(u32::MAX));
            let mut missing = self.checkpoints.missing(key, limit).await?;
            missing.retain(|(record, _)| !unreadable.contains(record));
            if missing.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::default();
            for (record, revision) in missing {
                match run.source.lookup(&record.id, revision).await {
                    Ok(change) if change.key == record => batch.changes.push(change),
                    Ok(change) => {
                        tracing::warn!(%key, id = %record.id, returned = %change.key.id, "the lookup returned another record; keeping the stored one");
                        unreadable.insert(record);
                    }
                    Err(error) if error.retry() == Retry::Never && error.kind() != ErrorKind::Auth => {
                        tracing::warn!(%key, id = %record.id, %error, "could not look up a missing record; keeping the stored one");
                        run.report.skipped += 1;
                        unreadable.insert(record);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let deleted = batch.changes.iter().filter(|change| change.mutation == Mutation::Delete).count();
            tracing::info!(%key, deleted, alive = batch.changes.len() - deleted, "looked up missing records");
            let outcome = self.records.commit(batch).await?;
            run.report.count(&outcome);
        }
    }

    async fn save_progress<S: Source>(&self, run: &Run<'_, S>) -> Result<(), SyncError> {
        let checkpoint = Some(CheckpointWrite::Progress(run.status.key.clone(), run.progress.clone()));
        self.records.commit(Batch { checkpoint, ..Batch::default() }).await?;
        Ok(())
    }

    async fn finish<S: Source>(&self, run: &Run<'_, S>, outbox: Vec<NewTask>) -> Result<(), SyncError> {
        let now = self.clock.now();
        let Run { status, progress, .. } = run;
        let checkpoint = Some(CheckpointWrite::Finished {
            key: status.key.clone(),
            mode: progress.mode,
            at: now,
            watermark: match progress.mode {
                Mode::Full => progress.newest,
                Mode::Incremental => progress.newest.max(status.watermark),
            },
            next_run_at: now + self.config.interval,
        });
        self.records.commit(Batch { checkpoint, outbox, ..Batch::default() }).await?;
        Ok(())
    }
}
