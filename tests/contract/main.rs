//! The providers' published operations, called over HTTP at a Prism that serves the published specification: accepted by it, and
//! the answer read into the named type.
//!
//! Every operation is called with what it requires and, with `SIDECAR_TESTS=full`, with everything that it takes too. What has no
//! need of Prism is in `outgoing`. Invariant: what is not accepted or not read stands in `exceptions` with the reason, and
//! nothing stands there that works.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod calcom;
mod call;
mod calls;
mod case;
mod ghl;
mod outcome;
mod outgoing;
mod prism;
mod report;
