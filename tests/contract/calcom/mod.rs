//! Every operation that the client of Cal.com has a method for.
//!
//! The calls are written by hand, a table for each family. Invariant: a field of an example that no field of the type takes up is a
//! failure too.

mod accounts;
mod availability;
mod bookings;
mod call;

use std::collections::BTreeSet;

use calcom_client::OPERATIONS;
use call::{Call, Server};
use futures_util::{StreamExt, stream};

use crate::{
    outcome::fullness,
    prism::{Prism, Specification},
    report::Report,
};

/// Calls under way at once.
const AT_ONCE: usize = 8;

fn calls() -> Vec<Call> {
    [bookings::calls(), availability::calls(), accounts::calls()].into_iter().flatten().collect()
}

#[tokio::test]
async fn every_operation_of_calcom_is_accepted_and_its_answer_read() {
    let specification = Specification::file("CALCOM_SPEC", "calcom.js");
    let prism = Prism::start(&specification).await;
    let server = Server::new(&prism.served[0].url);
    let mut report = Report::new("calcom", "78 called, ≥ 90 % accepted and read");
    for full in fullness() {
        let calls = calls().into_iter().map(|call| call.run(&server, *full));
        report.add(stream::iter(calls).buffered(AT_ONCE).collect().await);
    }
    report.write(&prism.served);
    assert!(report.read_share() >= 0.9, "{} of the calls were accepted and read", report.read_share());
    report.agrees_with_the_exceptions();
    report.agrees_with_its_copy();
}

#[test]
fn every_operation_of_calcom_is_called() {
    let called: Vec<_> = calls().iter().map(|call| call.operation).collect();
    let listed: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    assert_eq!(called.iter().copied().collect::<BTreeSet<_>>(), listed);
    assert_eq!(called.len(), OPERATIONS.len(), "an operation is called twice");
}
