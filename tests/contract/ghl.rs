//! Every published operation of GHL.
//!
//! The calls are generated from the digest (`ghl-codegen`), in both generations of the API. Invariant: the counts are those of the
//! specifications, so that none can be left out.

use futures_util::{StreamExt, stream};
use ghl_client::{GhlClient, TokenKinds, api::Generation};
use ghl_codegen::digest::{self, Api};

use crate::{
    calls,
    case::Case,
    outcome::fullness,
    prism::{Prism, Specification},
    report::Report,
};

/// Calls under way at once.
const AT_ONCE: usize = 8;
/// What the specifications have, in the dated versions and in `v3`.
const PUBLISHED: [usize; 2] = [576, 627];

#[tokio::test]
async fn every_published_operation_of_ghl_is_accepted_and_its_answer_read() {
    let groups = digest::load(&ghl_codegen::home().join("digest")).unwrap();
    let prism = Prism::start(&Specification::folder("GHL_SPEC_DIR")).await;
    let mut report = Report::new("ghl", "1203 called, ≥ 95 % accepted and read");
    let mut called = [0, 0];
    for full in fullness() {
        called = [0, 0];
        for (place, generation) in [Generation::V2, Generation::V3].into_iter().enumerate() {
            for (name, calls) in calls::CALLS {
                let group = groups.iter().find(|group| group.name == *name).unwrap();
                let api = if generation == Generation::V2 { &group.v2 } else { &group.v3 };
                if let Some(api) = api {
                    let client = client(&prism, api, generation);
                    let calls = calls.iter().filter(|call| call.operation.endpoint(generation).is_some());
                    let cases = calls.map(|call| Case::new(&client, call, generation, *full).run());
                    let outcomes: Vec<_> = stream::iter(cases).buffered(AT_ONCE).collect().await;
                    called[place] += outcomes.len();
                    report.add(outcomes);
                }
            }
        }
    }
    report.write(&prism.served);
    assert_eq!(called, PUBLISHED, "operations called");
    report.agrees_with_the_exceptions();
    report.leaves_nothing_to_extras();
    report.agrees_with_its_copy();
}

/// A client with limits of its own: all groups have fewer operations than a burst.
fn client(prism: &Prism, api: &Api, generation: Generation) -> GhlClient {
    let builder = GhlClient::builder().base_url(prism.url(&api.file)).private_integration_token("pit-contract");
    let client = builder.token_kinds(TokenKinds::ANY).build().unwrap();
    if generation == Generation::V3 { client.v3() } else { client }
}
