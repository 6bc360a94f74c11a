//! What the tests from outside share: programs, databases, faults, folders, chance, the scale, the report, and clients of
//! the stand-in.
//!
//! Nothing here decides whether something is right; that is each test's own. Invariant: whatever a test starts or
//! creates ends with the value that stands for it, also when the test fails.
#![expect(clippy::unwrap_used, reason = "a test whose support fails has failed")]

mod chance;
mod connection;
mod fault_proxy;
mod figures;
mod folder;
mod in_process;
mod kind;
mod limiter;
mod postgres;
mod program;
mod proof;
mod redis;
mod scale;
mod usage;

pub use chance::Chance;
pub use connection::{Connected, KEYS, ORGANIZATION, make_organization, open_store, token_set};
pub use fault_proxy::{Fault, FaultProxy};
pub use figures::{Asked, Figure, Figures, percentile};
pub use folder::Folder;
pub use in_process::InProcess;
pub use kind::{Home, Kind};
pub use limiter::Unlimited;
pub use postgres::{Database, PrivatePostgres, fresh_database};
pub use program::{Program, free_port};
pub use proof::proof;
pub use redis::PrivateRedis;
pub use scale::{full, scaled};
pub use usage::{Memory, cpu, cpu_with_children, parent};
