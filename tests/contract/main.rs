//! Every published operation of the providers, called at a Prism that serves the published specification: Prism accepts the
//! request and the client decodes the response into its named type.
//!
//! Each operation is called with its required arguments and, with `SIDECAR_TESTS=full`, with all of them. `outgoing` needs no
//! Prism. Invariant: `exceptions` has every operation that fails, with the reason, and no other.
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
