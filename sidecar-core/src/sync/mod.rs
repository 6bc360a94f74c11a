//! Sync: copying a provider's listings into the store, so that it can stop anywhere and go on.
//!
//! Here live the [`Source`] a provider's crate implements, the engine that runs a pass, and the checkpoints. Invariant: a
//! page and the cursor behind it are committed together; a record is removed only after a whole pass and a read by id.

mod checkpoint;
mod engine;

use serde::{Serialize, de::DeserializeOwned};

pub use checkpoint::{Checkpoints, SyncHealth, SyncStatus};
pub use engine::{Engine, EngineConfig, SyncError, SyncObserver, SyncReport, SyncRun};

pub use crate::commit::{CheckpointWrite, Mode, Phase, Progress, SyncKey};

use crate::{
    commit::{KeyRange, NewTask},
    error::Result,
    page::Page,
    record::Change,
};

/// What a source gives in one go.
#[derive(Clone, Debug)]
pub struct SourcePage<C> {
    /// The changes, as listed, and where the next page starts.
    pub page: Page<Change, C>,
    /// What the page vouches for. Only passes in [`Mode::Full`] use it.
    pub range: Option<KeyRange>,
}

/// A provider's listing that can be copied. One value is one pass: it knows its mode and where an incremental one starts.
pub trait Source: Send + Sync {
    /// Where a page starts. Kept in the checkpoint.
    type Cursor: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static;

    /// One page: in a full pass ordered by a position that never changes; in an incremental one, what changed.
    fn page(&self, at: Option<Self::Cursor>) -> impl Future<Output = Result<SourcePage<Self::Cursor>>> + Send;

    /// Reads one record by id, for one that the listing lacks. The answer's effect is
    /// [`Mutation::Delete`](crate::record::Mutation::Delete) when the provider no longer has it. `revision` goes into the
    /// change's [`ChangeOrigin::Read`](crate::record::ChangeOrigin::Read).
    fn read(&self, id: &str, revision: u64) -> impl Future<Output = Result<Change>> + Send;

    /// What is to be done once the pass ended well. It is written with its end, so that nothing comes between the two.
    fn on_complete(&self) -> Vec<NewTask> {
        Vec::new()
    }
}
