//! From a request to what a handler takes. A request that does not fit becomes a [`Problem`](crate::http::Problem) that says
//! what to do.
//!
//! Invariant: nothing here trusts a length, a type or an encoding that a caller states.

mod body;
mod client_ip;
mod json;
mod operator;
mod path;
mod query;
mod reject_head;

pub use body::{LARGEST_WEBHOOK, read_body};
pub(crate) use client_ip::Connected;
pub use client_ip::Peer;
pub use json::Json;
pub use operator::Operator;
pub use path::Path;
pub use query::Query;
pub use reject_head::Visit;
