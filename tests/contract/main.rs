//! Every published operation of GHL, called over HTTP at a Prism that serves the published specification: accepted by it, and
//! its answer read into the named type.
//!
//! The calls are generated from the digest (`ghl-codegen`), with what each operation requires. Invariant: what is not accepted
//! or not read stands in `exceptions.json` with the reason, and nothing stands there that works.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod calls;
mod case;
mod prism;
mod report;
mod sample;

use std::path::PathBuf;

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
    for generation in [Generation::V2, Generation::V3] {
        let client = GhlClient::builder().private_integration_token("pit-contract").build().unwrap();
        for (name, _) in calls::all(&client, generation) {
            let group = groups.iter().find(|group| group.name == name).unwrap();
            let api = if generation == Generation::V2 { &group.v2 } else { &group.v3 };
            if let Some(api) = api {
                call_group(&prism, name, api, generation, &mut report).await;
            }
        }
    }
    report.write(&groups, &prism.served);
    let called = [Generation::V2, Generation::V3].map(|generation| report.called(generation));
    assert_eq!(called, PUBLISHED, "operations called");
    report.agrees_with_the_exceptions();
}

/// Calls a group's operations, with limits of its own: all groups have fewer operations than a burst.
async fn call_group(prism: &Prism, name: &str, api: &Api, generation: Generation, report: &mut Report) {
    let builder = GhlClient::builder().base_url(prism.url(&api.file)).private_integration_token("pit-contract");
    let client = builder.token_kinds(TokenKinds::ANY).build().unwrap();
    let client = if generation == Generation::V3 { client.v3() } else { client };
    let (_, cases) = calls::all(&client, generation).into_iter().find(|(group, _)| *group == name).unwrap();
    let outcomes = stream::iter(cases).map(case::Case::run).buffered(AT_ONCE);
    report.add(generation, outcomes.collect().await);
}
