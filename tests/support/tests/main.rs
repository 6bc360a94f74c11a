//! The tests' own tools: what is started ends, and a fault is the fault that was asked for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fault_proxy;
mod postgres;
