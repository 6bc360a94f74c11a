//! Sync: copying a provider's listings into the store, resumable after every page.
//!
//! A provider crate implements [`Source`]; the [`Engine`] runs it and stores checkpoints. Invariant: a page and the cursor after
//! it are committed together, and a record is deleted only after a whole full run and a [`Lookup`] by id.

mod checkpoint;
mod config;
mod engine;
mod report;

use serde::{Serialize, de::DeserializeOwned};

pub use checkpoint::{Checkpoints, SyncHealth, SyncStatus};
pub use config::EngineConfig;
pub use engine::Engine;
pub use report::{SyncError, SyncObserver, SyncReport};

pub use crate::commit::{CheckpointWrite, Mode, Phase, Progress, SyncKey};
use crate::{
    commit::{KeyRange, NewTask},
    error::Result,
    page::Page,
    record::Change,
    time::Timestamp,
};

/// Which page of a listing to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRequest<C> {
    /// Whether the run lists everything or only what changed.
    pub mode: Mode,
    /// List what changed at this time or later. Set in incremental runs; it already allows for the provider's index lag.
    pub since: Option<Timestamp>,
    /// Where the page starts; `None` for the first page.
    pub cursor: Option<C>,
}

impl<C> PageRequest<C> {
    /// Returns the request for the first page of a full run.
    pub fn full() -> Self {
        Self { mode: Mode::Full, since: None, cursor: None }
    }

    /// Returns the request for the first page of what changed at `since` or later.
    pub fn changed_since(since: Timestamp) -> Self {
        Self { mode: Mode::Incremental, since: Some(since), cursor: None }
    }

    /// Returns the request for the page of the same run that starts at `cursor`.
    #[must_use]
    pub fn at(self, cursor: C) -> Self {
        Self { cursor: Some(cursor), ..self }
    }
}

/// A page of a listing, as changes to commit.
#[derive(Clone, Debug)]
pub struct SourcePage<C> {
    /// The changes in the order of the listing, and where the next page starts.
    pub page: Page<Change, C>,
    /// The range of records that the page covers completely: stored records of it that the page lacks are missing at the provider.
    /// Only full runs use it.
    pub range: Option<KeyRange>,
}

/// Fetches single records of a kind by id.
pub trait Lookup: Send + Sync {
    /// Returns the current state of one record, with [`Mutation::Delete`](crate::record::Mutation::Delete) when the provider no
    /// longer has it. `revision` is the stored revision before the request, for
    /// [`ChangeOrigin::Read`](crate::record::ChangeOrigin::Read).
    fn lookup(&self, id: &str, revision: u64) -> impl Future<Output = Result<Change>> + Send;
}

/// A provider's listing that can be synced.
pub trait Source: Lookup {
    /// Where a page starts. Stored in the checkpoint.
    type Cursor: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static;

    /// Returns one page: in a full run ordered by a position that never changes, in an incremental run what changed.
    fn page(&self, request: PageRequest<Self::Cursor>)
    -> impl Future<Output = Result<SourcePage<Self::Cursor>>> + Send;

    /// Returns the tasks to enqueue with the end of a successful run, in the same transaction.
    fn on_complete(&self, mode: Mode) -> Vec<NewTask> {
        let _ = mode;
        Vec::new()
    }
}
