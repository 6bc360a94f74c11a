//! The server's routes from outside, in process: what they refuse and how, how connecting goes, and what they say of themselves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod calcom;
mod companies;
mod connect;
mod ingress;
mod module_order;
mod openapi;
mod running;
mod support;
mod writes;
