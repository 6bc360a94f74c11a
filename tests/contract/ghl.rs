//! Every published operation of GHL.
//!
//! The calls are generated from the digest (`ghl-codegen`) for both generations of the API. Invariant: the counts equal those of
//! the specifications.

use futures_util::{StreamExt, stream};
use ghl_client::{GhlClient, TokenKinds, api::Generation};
use ghl_codegen::digest::{self, Api};

use crate::{
    calls,
    case::Case,
    outcome::argument_sets,
    prism::{Prism, Specification},
    report::Report,
};

/// Concurrent calls.
const CONCURRENT_CALLS: usize = 8;
/// The operations in the specifications, of the dated versions and of `v3`.
const PUBLISHED: [usize; 2] = [576, 627];

#[tokio::test]
async fn every_published_operation_of_ghl_is_accepted_and_its_response_decoded() {
    let groups = digest::load(&ghl_codegen::home().join("digest")).unwrap();
    let prism = Prism::start(&Specification::folder("GHL_SPEC_DIR")).await;
    let mut report = Report::new("ghl", "1203 called, ≥ 95 % accepted and decoded");
    let mut called = [0, 0];
    for full in argument_sets() {
        called = [0, 0];
        for (place, generation) in [Generation::V2, Generation::V3].into_iter().enumerate() {
            for (name, calls) in calls::CALLS {
                let group = groups.iter().find(|group| group.name == *name).unwrap();
                let api = if generation == Generation::V2 { &group.v2 } else { &group.v3 };
                if let Some(api) = api {
                    let client = client(&prism, api, generation);
                    let calls = calls.iter().filter(|call| call.operation.endpoint(generation).is_some());
                    let cases = calls.map(|call| Case::new(&client, call, generation, *full).run());
                    let outcomes: Vec<_> = stream::iter(cases).buffered(CONCURRENT_CALLS).collect().await;
                    called[place] += outcomes.len();
                    report.add(outcomes);
                }
            }
        }
    }
    report.write(&prism.served);
    assert_eq!(called, PUBLISHED, "operations called");
    report.assert_exceptions_match();
    report.assert_no_unknown_fields();
    report.assert_copy_is_current();
}

/// Creates a client with its own limiter: each group has fewer operations than a burst.
fn client(prism: &Prism, api: &Api, generation: Generation) -> GhlClient {
    let builder = GhlClient::builder().base_url(prism.url(&api.file)).private_integration_token("pit-contract");
    let client = builder.token_kinds(TokenKinds::ANY).build().unwrap();
    if generation == Generation::V3 { client.v3() } else { client }
}
