//! Cal.com's bookings and GHL's appointments, kept the same: a booking has one appointment, and what happens to one of them
//! happens to the other; appointments that came about at GHL take their time out of Cal.com's schedule, beside what people block
//! there by hand.
//!
//! What a delivery says lives with its provider (`ghl`, `calcom`), which of two changes wins in `meeting`. Invariant: a step looks
//! at both sides as they are, never at what was told; so that carrying it out again, late or out of order ends in the same.

mod agree;
mod appointment;
mod block;
pub mod blocked_slots;
mod booking;
pub(crate) mod by_hand;
mod chain;
mod contact;
mod follow;
mod held;
mod kept;
mod link;
mod look;
mod making;
mod meeting;
mod mirrored;
mod place;
mod step;
mod tasks;
mod turn;
mod unmapped;
mod watched;

use std::borrow::Cow;

use calcom_client::sync::BOOKING;
use ghl_client::sync::APPOINTMENT;
use sidecar_core::{OrganizationId, StoreError, record::Change};

use crate::app::App;

pub(crate) use block::leaving;
pub use look::look_at_all;
pub use mirrored::{Mirrored, UNNOTICED};
pub use tasks::MirrorTasks;
pub(crate) use unmapped::look_again;
pub(crate) use watched::Watched;

/// Rows that are read at once.
const PORTION: u32 = 500;

/// Lets changes of bookings and appointments be followed, where the organization has both sides.
///
/// # Errors
/// The store could not be asked.
pub async fn watch(app: &App, organization: &OrganizationId, changes: &mut [Change]) -> Result<(), StoreError> {
    let is_followed = |change: &Change| matches!(&*change.key.kind, BOOKING | APPOINTMENT);
    if !changes.iter().any(is_followed)
        || !app.mirrored.is(&*app.store, &*app.clock, &app.config.calcom, organization).await?
    {
        return Ok(());
    }
    for change in changes {
        if is_followed(change) {
            change.on_change = Some(Cow::Borrowed(tasks::FOLLOW));
        }
    }
    Ok(())
}
