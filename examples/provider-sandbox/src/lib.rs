//! Stateful sandboxes of the providers on one port, each under a path prefix: GHL under `/ghl`, Cal.com under `/calcom`.
//!
//! One module per provider (`ghl`, `calcom`) implements the provider's data and operations. `control` injects faults, moves time,
//! changes data and reports counts. `provider` holds the parts that both providers share, `deliveries` sends webhooks, and `sandbox`
//! starts and stops the listener. The crate does not depend on the clients that it tests.
//! Invariant: the same seed and the same commands produce the same contacts, ids and faults.
//!
//! ```no_run
//! # async fn example() -> Result<(), provider_sandbox::SandboxError> {
//! let sandbox = provider_sandbox::Sandbox::builder().contacts(5_000).locations(2).start().await?;
//! let location = sandbox.ghl().location_ids().remove(0);
//! let token = sandbox.ghl().issue_location_token(&location)?;
//! println!("{}/ghl accepts {}", sandbox.url(), token.access);
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod calcom;
pub mod clock;
mod connection;
pub mod control;
mod deliveries;
mod faults;
pub mod ghl;
mod http_io;
mod provider;
mod rng;
mod sandbox;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use calcom::Calcom;
pub use control::Control;
pub use ghl::Ghl;
pub use sandbox::{Sandbox, SandboxBuilder, SandboxError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Locks the mutex, even if a holder panicked: the data stays valid after every single write.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
