//! Every operation with a method in the Cal.com client.
//!
//! The calls are hand-written, in one table for each API family. Invariant: an unknown field in an example is a failure too.

mod accounts;
mod availability;
mod bookings;
mod call;

use std::collections::BTreeSet;

use calcom_client::OPERATIONS;
use call::{Call, Server};
use futures_util::{StreamExt, stream};

use crate::{
    outcome::argument_sets,
    prism::{Prism, Specification},
    report::Report,
};

/// Concurrent calls.
const CONCURRENT_CALLS: usize = 8;

fn calls() -> Vec<Call> {
    [bookings::calls(), availability::calls(), accounts::calls()].into_iter().flatten().collect()
}

#[tokio::test]
async fn every_operation_of_calcom_is_accepted_and_its_response_decoded() {
    let specification = Specification::file("CALCOM_SPEC", "calcom.js");
    let prism = Prism::start(&specification).await;
    let server = Server::new(&prism.served[0].url);
    let mut report = Report::new("calcom", "78 called, ≥ 90 % accepted and decoded");
    for full in argument_sets() {
        let calls = calls().into_iter().map(|call| call.run(&server, *full));
        report.add(stream::iter(calls).buffered(CONCURRENT_CALLS).collect().await);
    }
    report.write(&prism.served);
    assert!(report.decoded_share() >= 0.9, "{} of the calls were accepted and decoded", report.decoded_share());
    report.assert_exceptions_match();
    report.assert_copy_is_current();
}

#[test]
fn every_operation_of_calcom_is_called() {
    let called: Vec<_> = calls().iter().map(|call| call.operation).collect();
    let listed: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    assert_eq!(called.iter().copied().collect::<BTreeSet<_>>(), listed);
    assert_eq!(called.len(), OPERATIONS.len(), "an operation is called twice");
}
