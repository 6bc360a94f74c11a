//! A create that left open what it did is settled, and the outcome says which it was.

use ghl_client::{GhlErrorExt, GhlErrorReason, Result, contacts::CreatedOrFound, model::Contact};
use provider_sandbox::ghl::{Fault, FaultRule};
use serde_json::{Value, json};
use sidecar_core::{Error, ErrorKind, SendState, http::TransportError, test_util::ScriptedTransport};

use crate::{
    sandbox::{by_private_token, sandbox},
    support::{LOCATION, NOW, client, fixture, line},
};

const FIND_EMAIL: &str = "GET /contacts/search/duplicate?locationId=ve9EPM428h8vShlRW1KT&email=ann%40example.com";
const FIND_PHONE: &str = "GET /contacts/search/duplicate?locationId=ve9EPM428h8vShlRW1KT&number=%2B14155550100";

/// What `create_or_find` comes to, and the request lines that it sent.
async fn run(script: ScriptedTransport) -> (Result<CreatedOrFound>, Vec<String>) {
    let (ghl, sent) = client(script);
    let create = ghl.contacts().create(LOCATION).email("ann@example.com").phone("+14155550100");
    let outcome = create.create_or_find().await;
    (outcome, sent.requests().iter().map(line).collect())
}

fn ann(added: i64) -> Value {
    let added = sidecar_core::Timestamp::from_secs(NOW.as_secs() + added).to_string();
    json!({"contact": {"id": "ann", "email": "ann@example.com", "dateAdded": added}})
}

fn lost() -> ScriptedTransport {
    ScriptedTransport::new().fail(TransportError::Broken("cut".into()))
}

fn contact(body: &Value) -> Contact {
    serde_json::from_value(body["contact"].clone()).unwrap()
}

#[tokio::test]
async fn a_create_that_succeeds_is_one_call() {
    let (outcome, sent) = run(ScriptedTransport::new().respond(201, ann(0))).await;
    assert_eq!(outcome.unwrap(), CreatedOrFound::Created(contact(&ann(0))));
    assert_eq!(sent, ["POST /contacts/"]);
}

#[tokio::test]
async fn a_named_duplicate_is_read() {
    let script = ScriptedTransport::new().respond(400, fixture!("contacts_duplicate_400")).respond(200, ann(-86_400));
    let (outcome, sent) = run(script).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.is_new(), outcome.contact().id.as_str()), (false, "ann"));
    assert!(matches!(outcome, CreatedOrFound::Found(_)));
    assert_eq!(sent, ["POST /contacts/", "GET /contacts/abc"]);
}

#[tokio::test]
async fn a_duplicate_without_a_name_is_looked_for() {
    let refusal = json!({"statusCode": 400, "message": "This location does not allow duplicated contacts."});
    let script =
        ScriptedTransport::new().respond(400, refusal).respond(200, json!({"contact": null})).respond(200, ann(-1));
    let (outcome, sent) = run(script).await;
    assert!(matches!(outcome.unwrap(), CreatedOrFound::Found(_)));
    assert_eq!(sent, ["POST /contacts/", FIND_EMAIL, FIND_PHONE]);
}

#[tokio::test]
async fn a_contact_added_since_the_call_began_is_the_calls_own_and_an_older_one_is_not() {
    for (added, own) in [(1, true), (-4, true), (-60, false)] {
        let (outcome, sent) = run(lost().respond(200, ann(added))).await;
        let outcome = outcome.unwrap();
        assert_eq!(matches!(outcome, CreatedOrFound::CreatedUnanswered(_)), own, "{added}");
        assert_eq!(outcome.is_new(), own);
        assert_eq!(sent, ["POST /contacts/", FIND_EMAIL], "the create is sent once");
    }
}

#[tokio::test]
async fn every_failure_that_leaves_it_open_is_settled() {
    let unprocessable = json!({"statusCode": 422, "message": ["property x should not exist"]});
    for script in [
        ScriptedTransport::new().respond(422, unprocessable),
        ScriptedTransport::new().respond(500, json!({"message": "Internal server error"})),
        ScriptedTransport::new().respond_with(504, &[], "<html>Gateway Timeout</html>"),
        ScriptedTransport::new().respond(201, json!({"contact": {"no": "id"}})),
    ] {
        let (outcome, _) = run(script.respond(200, ann(0))).await;
        assert!(matches!(outcome.unwrap(), CreatedOrFound::CreatedUnanswered(_)));
    }
}

async fn failed(script: ScriptedTransport) -> (Error, usize) {
    let (outcome, sent) = run(script).await;
    (outcome.unwrap_err(), sent.len())
}

#[tokio::test]
async fn a_refusal_that_created_nothing_is_the_refusal() {
    let none = || json!({"contact": null});
    let unprocessable = json!({"statusCode": 422, "message": ["property x should not exist"]});
    let script = ScriptedTransport::new().respond(422, unprocessable).respond(200, none()).respond(200, none());
    let (error, calls) = failed(script).await;
    assert_eq!((error.kind(), error.send_state(), calls), (ErrorKind::Rejected, SendState::Responded, 3));
    assert!(!error.may_have_taken_effect());
    let (error, calls) = failed(ScriptedTransport::new().respond(403, json!({"message": "Forbidden resource"}))).await;
    assert_eq!((error.problem(), calls), (Some(&GhlErrorReason::Forbidden), 1), "nothing to look for");
    let unheard = ScriptedTransport::new().fail(TransportError::Connect("refused".into()));
    assert_eq!(failed(unheard).await.1, 1, "nothing was sent");
}

#[tokio::test]
async fn what_cannot_be_settled_says_so() {
    let none = || json!({"contact": null});
    let (error, _) = failed(lost().respond(200, none()).respond(200, none())).await;
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown));
    let (error, _) = failed(lost().respond(503, json!({"message": "down"}))).await;
    assert!(
        error.may_have_taken_effect() && error.message().contains("looking whether it was created failed too"),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Transport);
}

#[tokio::test]
async fn a_plain_create_answers_a_422_as_perhaps_created() {
    let (ghl, _) = client(ScriptedTransport::new().respond(422, json!({"message": ["x must be a string"]})));
    let error = ghl.contacts().create(LOCATION).name("Ann").await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Rejected, SendState::Unknown));
    assert!(error.to_string().contains("may have taken effect"), "{error}");
}

#[tokio::test]
async fn a_contact_that_could_not_be_found_again_is_not_created() {
    let (ghl, sent) = client(ScriptedTransport::new());
    let error = ghl.contacts().create(LOCATION).name("Ann").create_or_find().await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::InvalidInput, SendState::NotSent));
    assert!(sent.requests().is_empty());
}

/// Whatever happens to the create, each person is there once, and the outcome says whose work that was.
#[tokio::test]
async fn on_a_bad_line_each_contact_is_created_once() {
    let sandbox = sandbox(10).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = by_private_token(&sandbox, &location);
    let before = sandbox.ghl().contact_count(&location);
    let faults = [None, Some(Fault::Reset), Some(Fault::ResetAfter), Some(Fault::Truncate)];
    let mut unanswered = 0;
    for round in 0..16 {
        if let Some(fault) = faults[round % faults.len()] {
            let (method, path) = (Some("POST".to_owned()), Some("/contacts/".to_owned()));
            sandbox.control().add_faults([FaultRule { method, path, fault, times: Some(1), ..FaultRule::default() }]);
        }
        let create = || ghl.contacts().create(&*location).email(format!("person{round}@example.org")).create_or_find();
        let outcome = match create().await {
            Ok(outcome) => outcome,
            // The request never arrived: nothing is there, so it is safe to do it again.
            Err(error) => {
                assert_eq!(
                    (error.send_state(), faults[round % faults.len()]),
                    (SendState::Unknown, Some(Fault::Reset))
                );
                create().await.unwrap()
            }
        };
        assert!(outcome.is_new(), "{outcome:?}");
        unanswered += usize::from(matches!(outcome, CreatedOrFound::CreatedUnanswered(_)));
        assert!(matches!(create().await.unwrap(), CreatedOrFound::Found(_)));
    }
    assert_eq!(sandbox.ghl().contact_count(&location), before + 16);
    assert_eq!(unanswered, 8, "every lost and every cut answer");
    sandbox.stop().await;
}
