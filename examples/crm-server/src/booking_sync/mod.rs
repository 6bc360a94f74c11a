//! Synchronizes Cal.com's bookings with GHL's appointments: each booking has one appointment, and a change of one is applied to the
//! other.
//!
//! ```text
//! webhook, sync page or refetch commits a booking or appointment
//!   │ trigger.rs: enqueued in the same transaction
//!   ▼
//! booking_sync.route ──appointment without a booking──▶ busy_blocks.reconcile
//!   │ the original booking, from which reschedules lead to the latest version
//!   ▼
//! booking_sync.reconcile, one at a time for each booking (reconcile.rs: the `Reconciler`)
//!   load     link, latest version of the booking, stored appointment
//!   resolve  three-way merge: base = `LastSynced`, ours = appointment, theirs = booking (resolve.rs, pure)
//!   act      fetch the other side, then write the losing side (act.rs); or create the appointment (create.rs)
//!   save     link and written records, in one batch with the end of the task
//!
//! booking_sync.backfill, after each full sync of the bookings: enqueues booking_sync.route for every future record
//! ```
//!
//! States of a [`Link`](link::Link), stored for each original booking:
//!
//! ```text
//!             save the intent                 GHL responds
//!   (none) ────────────────────▶ requested ────────────────────▶ linked
//!     ▲                          │  ▲    │                          │
//!     │ definitive rejection     │  │    │ response lost: search by tag, adopt what is found;
//!     ├──────────────────────────┘  └────┘ request again only after `CREATE_SETTLE_TIME`
//!     └─────────────────────────────────────────────────────────────┘
//!       the appointment was deleted while the booking goes on
//! ```
//!
//! Invariant: reconciliation reads current state on both sides and ignores event contents, so it is idempotent and
//! order-independent.

mod act;
mod appointments;
mod backfill;
mod bookings;
mod contact;
mod create;
mod link;
mod reconcile;
mod resolve;
mod route;
mod target;
mod tasks;
mod trigger;

pub use backfill::backfill_task;
pub(crate) use target::retry_unmapped;
pub use tasks::BookingSyncTasks;
pub use trigger::{PROPAGATION_DELAY, trigger};

/// Rows that are read at once.
const PAGE_SIZE: u32 = 500;
