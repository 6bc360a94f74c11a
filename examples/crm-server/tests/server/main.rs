//! The server's routes, called in process: invalid input, OAuth connections, writes, webhooks and the OpenAPI document.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod calcom;
mod companies;
mod connect;
mod contacts;
mod ingress;
mod module_order;
mod openapi;
mod running;
mod support;
