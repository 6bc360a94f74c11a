//! Tests of the harness: everything started ends, and each fault has its documented effect.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fault_proxy;
mod postgres;
