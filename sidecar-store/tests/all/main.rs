//! The store judged from outside, in one binary: the behaviours of the ports, the rule of records against a model, and
//! what is this store's own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conformance;
#[cfg(feature = "failpoints")]
mod failpoints;
mod model;
mod postgres;
mod store;
mod support;
