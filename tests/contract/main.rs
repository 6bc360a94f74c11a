//! Every published operation of GHL, called over HTTP at a Prism that serves the published specification: accepted by it, and
//! its answer read into the named type.
//!
//! The calls are generated from the digest (`ghl-codegen`): with what each operation requires and, with `SIDECAR_TESTS=full`,
//! with everything that it takes too. Invariant: what is not accepted or not read stands in `exceptions.json` with the reason,
//! and nothing stands there that works.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod call;
mod calls;
mod case;
mod outgoing;
mod prism;
mod report;

use std::path::PathBuf;

use case::Case;
use futures_util::{StreamExt, stream};
use ghl_client::{GhlClient, TokenKinds, api::Generation};
use ghl_codegen::digest::{self, Api};
use prism::Prism;
use report::Report;

/// Calls under way at once.
const AT_ONCE: usize = 8;
/// What the specifications have, in the dated versions and in `v3`.
const PUBLISHED: [usize; 2] = [576, 627];

#[tokio::test]
async fn every_published_operation_is_accepted_and_its_answer_read() {
    let specifications = PathBuf::from(std::env::var_os("GHL_SPEC_DIR").expect("use `tests/run contract`"));
    let groups = digest::load(&ghl_codegen::home().join("digest")).unwrap();
    let prism = Prism::start(&specifications).await;
    let mut report = Report::default();
    for full in fullness() {
        for generation in [Generation::V2, Generation::V3] {
            for (name, calls) in calls::CALLS {
                let group = groups.iter().find(|group| group.name == *name).unwrap();
                let api = if generation == Generation::V2 { &group.v2 } else { &group.v3 };
                if let Some(api) = api {
                    let client = client(&prism, api, generation);
                    let calls = calls.iter().filter(|call| call.operation.endpoint(generation).is_some());
                    let cases = calls.map(|call| Case::new(&client, call, generation, *full).run());
                    report.add(generation, stream::iter(cases).buffered(AT_ONCE).collect().await);
                }
            }
        }
    }
    report.write(&groups, &prism.served);
    let called = [Generation::V2, Generation::V3].map(|generation| report.called(generation));
    assert_eq!(called, PUBLISHED, "operations called");
    report.agrees_with_the_exceptions();
}

/// Few arguments; many too, where everything is asked for.
fn fullness() -> &'static [bool] {
    if std::env::var_os("SIDECAR_TESTS").is_some_and(|asked| asked == "full") { &[false, true] } else { &[false] }
}

/// A client with limits of its own: all groups have fewer operations than a burst.
fn client(prism: &Prism, api: &Api, generation: Generation) -> GhlClient {
    let builder = GhlClient::builder().base_url(prism.url(&api.file)).private_integration_token("pit-contract");
    let client = builder.token_kinds(TokenKinds::ANY).build().unwrap();
    if generation == Generation::V3 { client.v3() } else { client }
}
