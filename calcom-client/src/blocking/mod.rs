//! Blocked times: times that cannot be booked. Cal.com has no such operation; a [`BlockStrategy`] says what is used for it.
//!
//! `block` has the requests and `schedule_editor` computes the overrides of a schedule.
//! Invariant: this module sends no requests of its own; it composes those of the families.

mod block;
mod blocked;
mod schedule_editor;

pub use block::{CreateBlockedSlots, Unblock};
pub use blocked::{BlockStrategy, BlockedSlot};

pub use crate::model::{BlockHandle, Hours, RemovedDay};

use crate::client::CalcomClient;

impl CalcomClient {
    /// Blocks times, by default in the user's default schedule.
    ///
    /// ```no_run
    /// # async fn run(calcom: calcom_client::CalcomClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use calcom_client::blocking::BlockedSlot;
    /// let (start, end) = ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z");
    /// let slot = BlockedSlot::new(start.parse()?, end.parse()?);
    /// let handles = calcom.create_blocked_slots([slot]).await?;
    /// for handle in handles {
    ///     calcom.unblock(handle).await?; // store the handles: only they undo the block
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_blocked_slots(&self, slots: impl IntoIterator<Item = BlockedSlot>) -> CreateBlockedSlots {
        CreateBlockedSlots::new(self.clone(), slots.into_iter().collect())
    }

    /// Frees a blocked time. A time that is free already is not an error.
    pub fn unblock(&self, handle: BlockHandle) -> Unblock {
        self.unblock_all([handle])
    }

    /// Frees blocked times. Those of one schedule are freed by one change of it: one call to read it and one to write it.
    pub fn unblock_all(&self, handles: impl IntoIterator<Item = BlockHandle>) -> Unblock {
        Unblock::new(self.clone(), handles.into_iter().collect())
    }
}
