//! From a request to what a handler takes. A request that does not fit becomes a [`Problem`](crate::error::Problem) that says
//! what to do.
//!
//! Invariant: nothing here trusts a length, a type or an encoding that a caller states.

mod body;
mod json;
mod operator;
mod path;
mod peer;
mod query;
mod visit;

pub use body::{LARGEST_WEBHOOK, read_body};
pub use json::Json;
pub(crate) use operator::find;
pub use operator::{Operator, Tenant};
pub use path::Path;
pub(crate) use peer::Connected;
pub use peer::Peer;
pub use query::Query;
pub use visit::Visit;
