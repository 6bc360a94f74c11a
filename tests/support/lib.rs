//! Harness that the test binaries share: programs, databases, the fault proxy, the seeded rng, reports and connected
//! resources of the sandbox.
//!
//! Nothing here decides whether a result is right. Invariant: everything that a test starts or creates ends on drop, also
//! when the test fails.
#![expect(clippy::unwrap_used, reason = "a test whose support fails has failed")]

mod crm_server;
mod fault_proxy;
mod in_process_transport;
mod measurements;
mod postgres;
mod process_usage;
mod program;
mod proof;
mod redis;
mod scale;
mod seeded_rng;
mod temp_folder;
mod test_connection;
mod test_database;
mod unlimited;

pub use crm_server::{OPERATOR_TOKEN, server_environment, start_server};
pub use fault_proxy::{Fault, FaultProxy};
pub use in_process_transport::InProcessTransport;
pub use measurements::{Measurement, Measurements, Target, percentile};
pub use postgres::{PostgresDatabase, PrivatePostgres, create_postgres_database};
pub use process_usage::{Memory, cpu, cpu_with_children, parent};
pub use program::{Program, free_port};
pub use proof::proof;
pub use redis::PrivateRedis;
pub use scale::{is_full_scale, scaled};
pub use seeded_rng::SeededRng;
pub use temp_folder::TempFolder;
pub use test_connection::{KEYS, ORGANIZATION, TestConnection, create_organization_row, open_store, token_set};
pub use test_database::{DatabaseKind, Row, SqlConnection, TestDatabase};
pub use unlimited::Unlimited;
