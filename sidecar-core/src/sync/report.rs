use super::SyncKey;
use crate::{
    commit::{Outcome, Progress},
    error::{Error, ErrorKind, StoreError},
    lease::LeaseLost,
    record::ChangeOutcome,
};

/// The counts of a run. A resumed run counts only what was left of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Pages fetched.
    pub pages: u64,
    /// Rows read.
    pub seen: u64,
    /// New records.
    pub inserted: u64,
    /// Changed records.
    pub updated: u64,
    /// Deleted records.
    pub deleted: u64,
    /// Rows that equal what is stored.
    pub unchanged: u64,
    /// Rows that are older than what is stored, rows that a refetch has to order, and missing records that could not be looked up.
    pub skipped: u64,
    /// Rows whose ids cannot be stored; they are left out.
    pub invalid: u64,
}

impl SyncReport {
    pub(super) fn count(&mut self, outcome: &Outcome) {
        for change in &outcome.changes {
            let counter = match change {
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

/// Why a run ended early. Committed pages stay, and the next run resumes from them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// Another process runs the source.
    #[error("another process is syncing {0}")]
    Busy(SyncKey),
    /// The provider failed.
    #[error("{0}")]
    Provider(#[from] Error),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// So many records are missing from the listing that it is probably incomplete.
    #[error(
        "{missing} of {stored} stored records are missing in the provider's listing, more than {allowed_percent} % of them; \
         nothing was deleted. If they were really deleted, run the sync again with force"
    )]
    MassDelete {
        /// Records that the listing lacks.
        missing: u64,
        /// Live records in the store.
        stored: u64,
        /// The share that a run may delete, in percent.
        allowed_percent: u32,
    },
    /// The listing is longer than a run may be ([`EngineConfig::max_pages`](super::EngineConfig::max_pages) and `max_rows`): the
    /// provider probably repeats itself.
    #[error(
        "the listing did not end after {pages} pages and {rows} rows; the rows so far are stored and nothing was deleted. \
         Check the provider, or raise the limits of a sync run"
    )]
    ListingTooLong {
        /// Pages of the run.
        pages: u64,
        /// Rows of the run.
        rows: u64,
    },
    /// The organization has as many records of the kind as it may have ([`EngineConfig::max_records`](super::EngineConfig::max_records)).
    #[error("the organization has {stored} records of this kind, at most {limit} are stored; nothing more is copied")]
    TooManyRecords {
        /// Live records in the store.
        stored: u64,
        /// The limit.
        limit: u64,
    },
    /// This version of the source cannot read the stored cursor.
    #[error("the stored cursor cannot be read ({0}); the next run starts from the first page")]
    Cursor(String),
    /// The lease was lost: another process continues the run.
    #[error("the lease was lost; another process may continue the run")]
    LeaseLost,
    /// This process is shutting down ([`Engine::with_shutdown`](super::Engine::with_shutdown)). The lease is released.
    #[error("the process is shutting down; the run continues from its last page")]
    Stopped,
}

impl SyncError {
    /// Returns whether resuming from the stored cursor would fail in the same way, so that the next run has to start over.
    pub(super) fn invalidates_cursor(&self) -> bool {
        use ErrorKind::{Conflict, Decode, InvalidInput, NotFound, Rejected};
        match self {
            Self::Cursor(_) | Self::MassDelete { .. } | Self::ListingTooLong { .. } => true,
            Self::Provider(error) => matches!(error.kind(), Rejected | NotFound | Conflict | Decode | InvalidInput),
            _ => false,
        }
    }
}

impl From<LeaseLost> for SyncError {
    fn from(LeaseLost: LeaseLost) -> Self {
        Self::LeaseLost
    }
}

/// Observes a run, for progress bars and metrics.
pub trait SyncObserver: Send + Sync {
    /// Called after a page was committed.
    fn page(&self, key: &SyncKey, progress: &Progress);
}

impl SyncObserver for () {
    fn page(&self, _: &SyncKey, _: &Progress) {}
}
