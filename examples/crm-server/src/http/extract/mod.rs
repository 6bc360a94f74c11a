//! Extractors. An invalid request becomes a [`Problem`](crate::http::Problem) that says what to do.
//!
//! Invariant: no extractor trusts a length, type or encoding that the caller declares.

mod body;
mod client_ip;
mod json;
mod operator;
mod path;
mod query;
mod reject_head;

pub use body::{MAX_WEBHOOK_BYTES, read_body};
pub use client_ip::ClientIp;
pub(crate) use client_ip::ConnectInfo;
pub use json::Json;
pub use operator::Operator;
pub use path::Path;
pub use query::Query;
pub use reject_head::RejectHead;
