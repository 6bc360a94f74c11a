//! What task handlers share: the error of a task and the decoding of its payload.
//!
//! Invariant: executing a task twice does no harm.

mod error;

pub(crate) use error::{Trouble, payload};
