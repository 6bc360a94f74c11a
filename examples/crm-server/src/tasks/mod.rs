//! What task handlers share: the error of a task, its payload, refetching one record by id, and their own versioned state.
//!
//! Invariant: executing a task twice has the effect of executing it once.

mod error;
mod refetch;
mod versioned;

pub(crate) use error::{TaskError, payload};
pub(crate) use refetch::{Refetch, refetch};
pub(crate) use versioned::Versioned;
