//! What task handlers share: the error of a task, its payload, and refetching one record by id.
//!
//! Invariant: executing a task twice has the effect of executing it once.

mod error;
mod refetch;

pub(crate) use error::{TaskError, payload};
pub(crate) use refetch::{Refetch, refetch};
