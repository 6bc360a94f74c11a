//! The generated layer: what goes out in each version, what is refused before it does, and how answers are read.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ghl_client::{
    ApiVersion, ErrorKind, GhlClient, GhlErrorExt as _,
    api::{
        Either, File, Generation, Nullable, OPERATIONS, Request, Unknown as _, contacts, conversations, oauth,
        opportunities, users,
    },
};
use serde_json::{Value, json};
use sidecar_core::{
    SendState,
    rate_limit::{Decision, Feedback, LimiterError, Priority, RateLimiter, Scope, Usage},
    test_util::ScriptedTransport,
};

use crate::support::{LOCATION, answering, client, line, only};

fn search() -> opportunities::SearchOpportunityQuery {
    opportunities::SearchOpportunityQuery {
        location_id: Some(LOCATION.to_owned()),
        pipeline_id: Some("p1".to_owned()),
        limit: Some(20.into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_family_speaks_its_dated_version_unless_asked_otherwise() {
    let (ghl, transport) = answering(200, json!({}));
    ghl.opportunities().search_opportunity(search()).await.unwrap();
    let sent = only(&transport);
    assert_eq!(line(&sent), format!("GET /opportunities/search?limit=20&location_id={LOCATION}&pipeline_id=p1"));
    assert_eq!(sent.header("version"), "2021-07-28");
}

#[tokio::test]
async fn v3_has_its_own_paths_and_names() {
    let (ghl, transport) = answering(200, json!({}));
    ghl.v3().opportunities().search_opportunity(search()).await.unwrap();
    let sent = only(&transport);
    assert_eq!(line(&sent), format!("GET /opportunities/search?limit=20&locationId={LOCATION}&pipelineId=p1"));
    assert_eq!(sent.header("version"), "v3");

    let (ghl, transport) = answering(200, json!({}));
    ghl.contacts().remove_contact_from_every_campaign("c1").version(ApiVersion::V3).await.unwrap();
    assert_eq!(line(&only(&transport)), "DELETE /contacts/c1/campaigns/remove-all");
}

#[tokio::test]
async fn a_call_may_go_back_to_a_dated_version() {
    let (ghl, transport) = answering(200, json!({}));
    let dated = ghl.v3().contacts().remove_contact_from_every_campaign("c1").version(ApiVersion::V2023_02_21);
    dated.await.unwrap();
    let sent = only(&transport);
    assert_eq!(
        (line(&sent).as_str(), sent.header("version")),
        ("DELETE /contacts/c1/campaigns/removeAll", "2023-02-21")
    );
}

/// Notes what the calls are counted against, which is whose token they use.
#[derive(Debug, Default)]
struct Noted(Mutex<Vec<String>>);

#[async_trait]
impl RateLimiter for Noted {
    async fn try_acquire(&self, scopes: &[Scope], _: Priority) -> Result<Decision, LimiterError> {
        let resource = scopes[0].key().trim_start_matches("ghl:burst:none:").to_owned();
        self.0.lock().unwrap().push(resource);
        Ok(Decision::Go)
    }

    async fn observe(&self, _: &Feedback) -> Result<(), LimiterError> {
        Ok(())
    }

    async fn usage(&self, _: &Scope) -> Result<Usage, LimiterError> {
        Err(LimiterError::new("nothing is counted"))
    }
}

#[tokio::test]
async fn whose_call_it_is_follows_from_its_own_ids() {
    let noted = Arc::new(Noted::default());
    let script = (0..7).fold(ScriptedTransport::new(), |script, _| script.respond(200, json!({})));
    let ghl =
        GhlClient::builder().private_integration_token("pit-1").transport(Arc::new(script)).limiter(noted.clone());
    let ghl = ghl.build().unwrap();
    ghl.opportunities().search_opportunity(search()).await.unwrap();
    ghl.locations().get_location_tags("l1").await.unwrap();
    let body = contacts::CreateContact { location_id: Some("l2".to_owned()), ..Default::default() };
    ghl.contacts().create_contact(body).await.unwrap();
    ghl.companies().get_company("comp1").await.unwrap();
    ghl.contacts().get_contact("c1").await.unwrap();
    ghl.contacts().get_contact("c1").location("l3").await.unwrap();
    let both = users::SearchUsersQuery { company_id: Some("comp1".to_owned()), ..Default::default() };
    ghl.v3().users().search_users(both).company("comp2").await.unwrap();
    let search_location = format!("location:{LOCATION}");
    let expected =
        [&search_location, "location:l1", "location:l2", "company:comp1", "token", "location:l3", "company:comp2"];
    assert_eq!(*noted.0.lock().unwrap(), expected);
}

/// Refused before anything is sent.
async fn refused<T: ghl_client::api::Decode + 'static>(request: impl Fn(&GhlClient) -> Request<T>) -> String {
    let (ghl, transport) = client(ScriptedTransport::new());
    let error = request(&ghl).await.err().expect("it must be refused");
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::InvalidInput, SendState::NotSent), "{error}");
    assert!(transport.requests().is_empty());
    error.to_string()
}

#[tokio::test]
async fn an_operation_that_the_version_lacks_is_refused_and_told_what_to_do() {
    let gone = refused(|ghl| ghl.v3().contacts().get_contacts(contacts::GetContactsQuery::default())).await;
    assert!(gone.starts_with("ghl contacts.get_contacts: ") && gone.contains("ApiVersion::V2021_07_28"), "{gone}");
    let newer = refused(|ghl| ghl.locations().get_location_permissions(LOCATION)).await;
    assert!(newer.contains("locations.get_location_permissions") && newer.contains("ghl.v3()"), "{newer}");
}

#[tokio::test]
async fn a_required_field_that_is_missing_is_named() {
    let error = refused(|ghl| ghl.contacts().create_contact(contacts::CreateContact::default())).await;
    assert_eq!(error, "ghl contacts.create_contact: the field `locationId` is required: set it");
}

#[tokio::test]
async fn a_field_that_the_version_lacks_is_named() {
    let body = || opportunities::UpsertOpportunity {
        pipeline_id: Some("p1".to_owned()),
        location_id: Some(LOCATION.to_owned()),
        forecast_probability: Some(50.into()),
        ..Default::default()
    };
    let error = refused(|ghl| ghl.opportunities().upsert_opportunity(body())).await;
    assert!(error.contains("v2 has no field `forecastProbability`"), "{error}");
}

#[tokio::test]
async fn a_token_of_the_wrong_kind_is_refused() {
    let error = refused(|ghl| ghl.companies().get_company("comp1").location(LOCATION)).await;
    assert!(error.contains(".company(id)"), "{error}");
    let (company_id, app_id) = (Some("comp1".to_owned()), Some("app1".to_owned()));
    let query = oauth::GetInstalledLocationQuery { company_id, app_id, ..Default::default() };
    let transport = Arc::new(ScriptedTransport::new());
    let builder = GhlClient::builder().private_integration_token("pit-1").transport(transport.clone());
    let error = builder.build().unwrap().raw().get_installed_location(query).await.unwrap_err();
    assert!(transport.requests().is_empty() && error.is_wrong_token_kind(), "{error}");
    assert!(error.to_string().contains("GhlOAuth::authorize"), "{error}");
}

#[tokio::test]
async fn null_is_something_else_than_leaving_a_field_out() {
    let (ghl, transport) = answering(200, json!({}));
    let body = contacts::ContactsBusinessUpdate {
        location_id: Some(LOCATION.to_owned()),
        ids: Some(vec!["c1".to_owned()]),
        business_id: Some(Nullable::Null),
    };
    ghl.contacts().add_remove_contact_from_business(body).await.unwrap();
    assert_eq!(only(&transport).json(), json!({"locationId": LOCATION, "ids": ["c1"], "businessId": null}));
}

#[tokio::test]
async fn a_custom_field_is_written_as_the_version_wants_it() {
    let input = || contacts::CustomFieldInput {
        key: Some("course".to_owned()),
        field_value: Some("Rust".into()),
        ..Default::default()
    };
    for (version, name) in [(ApiVersion::V2021_07_28, "field_value"), (ApiVersion::V3, "fieldValue")] {
        let (ghl, transport) = answering(200, json!({}));
        let body = contacts::UpdateContact { custom_fields: Some(vec![input()]), ..Default::default() };
        ghl.contacts().update_contact("c1", body).version(version).await.unwrap();
        assert_eq!(only(&transport).json(), json!({"customFields": [{"key": "course", name: "Rust"}]}));
    }
}

#[tokio::test]
async fn forms_and_files_go_out_as_such() {
    let (ghl, transport) = answering(200, json!({"access_token": "secret-1", "expires_in": "86399"}));
    let body = oauth::GetAccessCodebody {
        client_id: Some("app1".to_owned()),
        client_secret: Some("s/1".into()),
        grant_type: Some(oauth::GrantType::RefreshToken),
        ..Default::default()
    };
    let tokens = ghl.raw().get_access_token(body).await.unwrap();
    let sent = only(&transport);
    assert_eq!(sent.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(sent.body, "client_id=app1&client_secret=s%2F1&grant_type=refresh_token");
    assert_eq!(tokens.expires_in, Some(86_399.into()), "a number in a text is a number");
    assert_eq!(tokens.access_token.as_ref().map(|token| token.expose()), Some("secret-1"));
    assert!(!format!("{tokens:?}").contains("secret-1"));

    let (ghl, transport) = answering(200, json!({}));
    let file = File { name: "a.txt".to_owned(), media: "text/plain".to_owned(), content: b"hello".to_vec() };
    let body = conversations::UploadFiles {
        conversation_id: Some("v1".to_owned()),
        contact_id: Some("c1".to_owned()),
        location_id: Some(LOCATION.to_owned()),
        file_attachment: Some(file),
        ..Default::default()
    };
    ghl.conversations().upload_file_attachments(body).await.unwrap();
    let sent = only(&transport);
    assert!(sent.header("content-type").starts_with("multipart/form-data; boundary="));
    let text = String::from_utf8(sent.body.to_vec()).unwrap();
    assert!(text.contains("name=\"conversationId\"\r\n\r\nv1\r\n"), "{text}");
    assert!(
        text.contains("name=\"fileAttachment\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn both_shapes_of_an_answer_are_read() {
    for (body, nested) in [
        (json!({"messages": [{"id": "m1"}]}), false),
        (json!({"messages": {"messages": [{"id": "m1"}], "nextPage": true}}), true),
    ] {
        let (ghl, _) = answering(200, body);
        let page = ghl.conversations().get_messages("v1", Default::default()).await.unwrap();
        let ids =
            |messages: Vec<conversations::GetMessageResponse>| messages.into_iter().map(|m| m.id).collect::<Vec<_>>();
        let (found, was_nested) = match page.messages.unwrap() {
            Either::First(messages) => (ids(messages), false),
            Either::Second(page) => (ids(page.messages.unwrap()), true),
        };
        assert_eq!((found, was_nested), (vec![Some("m1".to_owned())], nested));
    }
}

#[tokio::test]
async fn an_answer_of_neither_shape_is_told_what_both_lack() {
    let (ghl, _) = answering(200, json!({"messages": {"messages": [{"id": 1}]}}));
    let error = ghl.conversations().get_messages("v1", Default::default()).await.unwrap_err().to_string();
    let [first, second] = ["invalid type: map, expected a sequence", "messages: id: invalid type: integer"];
    assert!(error.contains(&format!("messages: neither of two shapes: {first}; {second}")), "{error}");
}

#[tokio::test]
async fn what_an_answer_has_beyond_the_specification_is_kept() {
    let (ghl, _) = answering(200, json!({"contact": {"id": "c1", "colour": "red"}, "traceId": "t1"}));
    let answer = ghl.contacts().get_contact("c1").await.unwrap();
    let mut unknown = Vec::new();
    answer.unknown("", &mut unknown);
    assert_eq!(unknown, ["contact.colour", "traceId"]);
    assert_eq!(answer.contact.unwrap().extra["colour"], "red");
    assert_eq!(answer.extra["traceId"], "t1");
}

#[tokio::test]
async fn the_wires_typos_and_their_corrections_are_one_field() {
    for name in ["succeded", "succeeded"] {
        let (ghl, _) = answering(200, json!({name: true}));
        assert_eq!(ghl.contacts().delete_contact("c1").await.unwrap().succeeded, Some(true));
    }
}

#[tokio::test]
async fn nobody_found_is_no_error() {
    let (ghl, _) = answering(200, Value::Null);
    let query = contacts::GetDuplicateContactQuery { location_id: Some(LOCATION.to_owned()), ..Default::default() };
    assert!(ghl.contacts().get_duplicate_contact(query).await.unwrap().is_none());
}

#[tokio::test]
async fn a_wrong_shape_names_the_operation_and_the_field() {
    let (ghl, _) = answering(200, json!({"contact": {"id": "c1", "customFields": [{"id": 7}]}}));
    let error = ghl.contacts().get_contact("c1").await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Decode, SendState::Responded));
    assert_eq!(error.operation(), "contacts.get_contact");
    assert!(error.message().contains("contact: customFields: id: invalid type: integer `7`"), "{error}");
}

#[test]
fn the_operations_of_a_family_can_be_listed() {
    let operations: Vec<_> = OPERATIONS.iter().copied().flatten().collect();
    let found = operations.iter().find(|operation| operation.name == "contacts.get_contacts").unwrap();
    assert!(found.v3.is_none() && found.endpoint(Generation::V2).is_some_and(|v2| v2.path == "/contacts/"));
}
