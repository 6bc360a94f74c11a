//! What happens around every request: its id, its span in the log, its count, and what a panic becomes.
//!
//! Who may do what lives in `extract`. Invariant: every answer carries `x-request-id`, and every refusal is a problem with that id.

mod request;

pub use request::{around, method_not_allowed, no_such_route, panicked};
