//! Stateful stand-ins of the providers on one port, a path prefix each: GHL under `/ghl`, Cal.com under `/calcom`.
//!
//! A room per provider (`ghl`, `calcom`) holds what that provider knows and does; `control` orders faults,
//! time and changes and shows what was counted; `faults`, `deliveries` and `tally` serve every provider alike; `sandbox` starts and
//! stops the whole. Nothing here depends on the crates it judges.
//! Invariant: the same seed and the same orders give the same people, ids and faults.
//!
//! ```no_run
//! # async fn example() -> Result<(), provider_sandbox::SandboxError> {
//! let sandbox = provider_sandbox::Sandbox::builder().contacts(5_000).locations(2).start().await?;
//! let location = sandbox.ghl().location_ids().remove(0);
//! let token = sandbox.ghl().issue_location_token(&location)?;
//! println!("{}/ghl answers to {}", sandbox.url(), token.access);
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod calcom;
pub mod clock;
mod connection;
pub mod control;
mod deliveries;
mod dice;
mod faults;
pub mod ghl;
mod sandbox;
mod tally;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use calcom::Calcom;
pub use control::Control;
pub use ghl::Ghl;
pub use sandbox::{Sandbox, SandboxBuilder, SandboxError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Locks; a holder that panicked leaves plain data behind, which is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
