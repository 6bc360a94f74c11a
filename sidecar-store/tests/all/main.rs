//! Black-box tests of the store in one binary: port conformance, records against a model, and the features of this store.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod conformance;
#[cfg(feature = "failpoints")]
mod failpoints;
mod model;
mod postgres;
mod store;
mod support;
