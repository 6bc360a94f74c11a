#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![warn(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

pub mod client;
pub mod commit;
pub mod error;
pub mod event;
pub mod health;
pub mod http;
pub mod id;
pub mod json;
pub mod lease;
pub mod model;
pub mod page;
pub mod process;
pub mod queue;
pub mod rate_limit;
pub mod record;
pub mod retry;
pub mod secret;
pub mod signature;
pub mod sync;
#[cfg(feature = "test-util")]
pub mod test_util;
pub mod time;
pub mod token;
pub mod vault;

pub use error::{Error, ErrorKind, Result, Retry, SendState, StoreError};
pub use id::{Id, OrganizationId};
pub use page::Page;
pub use secret::SecretString;
pub use time::{Clock, SystemClock, Timestamp};
