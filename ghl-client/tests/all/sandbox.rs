//! The main flows against the stateful stand-in of the provider, over real sockets.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{TryStreamExt, future::join_all};
use ghl_client::{
    GhlClient, GhlConnections, GhlErrorExt, GhlErrorReason, GhlEvent, GhlOAuth, GhlTokens, GhlWebhookVerifier,
    contacts::{Direction, Filter},
    model::{AppointmentStatus, CompanyId, LocationId},
    oauth::UserType,
    sync::{ContactsSource, EventsSource, LocationsSource, webhook_changes},
};
use provider_sandbox::{Sandbox, control::TokenCommand};
use serde_json::json;
use sidecar_core::{
    ErrorKind, SystemClock, Timestamp,
    http::{Body, ReqwestTransport, Transport},
    record::{Change, Mutation},
    signature::{Delivery, Verifier},
    sync::{PageRequest, Source},
    token::MemoryStore,
};

pub(crate) async fn sandbox(contacts: u32) -> Sandbox {
    Sandbox::builder().seed(7).contacts(contacts).locations(2).start().await.unwrap()
}

fn base(sandbox: &Sandbox) -> String {
    format!("{}/ghl", sandbox.url())
}

pub(crate) fn by_private_token(sandbox: &Sandbox, resource: &str) -> GhlClient {
    let token = sandbox.ghl().private_integration_token(resource).unwrap();
    GhlClient::builder().private_integration_token(token).base_url(base(sandbox)).build().unwrap()
}

fn oauth(sandbox: &Sandbox) -> GhlOAuth {
    GhlOAuth::builder(sandbox.ghl().client_id(), sandbox.ghl().client_secret().to_owned())
        .redirect_uri("http://127.0.0.1:9/auth")
        .base_url(base(sandbox))
        .authorize_url(format!("{}/oauth/chooselocation", base(sandbox)))
        .build()
        .unwrap()
}

/// Follows the link as a browser does and comes back with the code.
async fn consent(oauth: &GhlOAuth) -> String {
    let link = oauth.authorize("st4te").unwrap().url();
    let request = http::Request::get(link.as_str()).body(Body::EMPTY).unwrap();
    let answer = ReqwestTransport::new().unwrap().send(request).await.unwrap();
    let target = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let value = |name: &str| target.query_pairs().find(|pair| pair.0 == name).unwrap().1.into_owned();
    assert_eq!(value("state"), "st4te");
    value("code")
}

pub(crate) async fn connected(sandbox: &Sandbox) -> (GhlTokens, GhlClient) {
    let oauth = oauth(sandbox);
    let store = MemoryStore::new();
    let clock = SystemClock::shared();
    let connections = GhlConnections::new(oauth.clone(), Arc::new(store.clone()), Arc::new(store), clock);
    let tokens = connections.of("org1");
    let company = oauth.exchange_code(&consent(&oauth).await, Some(&UserType::Company)).await.unwrap();
    tokens.adopt(&company).await.unwrap();
    let client = GhlClient::builder()
        .tokens(tokens.clone())
        .client_id(sandbox.ghl().client_id())
        .base_url(base(sandbox))
        .build()
        .unwrap();
    (tokens, client)
}

#[tokio::test]
async fn twelve_thousand_contacts_are_listed_each_once_beyond_the_end_of_numbered_pages() {
    let sandbox = sandbox(24_000).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let truth = sandbox.ghl().contact_count(&location);
    assert!(truth > 10_000, "{truth}");
    let ghl = by_private_token(&sandbox, &location);
    let contacts: Vec<_> = ghl
        .contacts()
        .search(&*location)
        .sort("dateAdded", Direction::Asc)
        .page_size(500)
        .items()
        .try_collect()
        .await
        .unwrap();
    let ids: BTreeSet<_> = contacts.iter().map(|contact| contact.id.clone()).collect();
    assert_eq!((contacts.len(), ids.len()), (truth, truth));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_company_connects_and_its_locations_are_minted_listed_and_read() {
    let sandbox = sandbox(50).await;
    let (tokens, ghl) = connected(&sandbox).await;
    let company = CompanyId::from(sandbox.ghl().company_id());
    let mut installed: Vec<_> =
        ghl.locations().installed(&company).is_installed(true).items().try_collect().await.unwrap();
    if installed.is_empty() {
        // The consent covered the company only.
        let order = TokenCommand {
            install_to_locations: Some(true),
            install: Some(company.to_string()),
            ..TokenCommand::default()
        };
        sandbox.control().update_tokens(&order).unwrap();
        installed = ghl.locations().installed(&company).is_installed(true).items().try_collect().await.unwrap();
    }
    assert_eq!(installed.len(), 2);
    for location in installed {
        tokens.mint(&company, &location.id).await.unwrap();
        let page = ghl.contacts().search(&location.id).page_size(5).await.unwrap();
        assert_eq!(page.items.len(), 5);
        assert_eq!(ghl.locations().get(&location.id).await.unwrap().id, location.id);
    }
    let source = LocationsSource::of_company(ghl, "org1", company);
    assert_eq!(source.page(PageRequest::full()).await.unwrap().page.items.len(), 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn forty_calls_with_an_expired_token_cost_one_refresh_and_none_fails() {
    let sandbox = sandbox(10).await;
    let (_, ghl) = connected(&sandbox).await;
    let company = CompanyId::from(sandbox.ghl().company_id());
    ghl.locations().search(&company).await.unwrap();
    sandbox.control().update_tokens(&TokenCommand { expire_all: true, ..TokenCommand::default() }).unwrap();
    let calls = (0..40).map(|_| ghl.locations().search(&company).into_future());
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    let counts = &sandbox.ghl().counts().connections[company.as_str()];
    assert_eq!((counts.refreshes, counts.reuses), (1, 0));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_contact_lives_through_create_tag_change_upsert_and_delete() {
    let sandbox = sandbox(20).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = by_private_token(&sandbox, &location);
    let contacts = ghl.contacts();
    let ann = contacts.create(&*location).first_name("Ann").email("ann.new@example.com").await.unwrap();
    assert_eq!(ann.email.as_deref(), Some("ann.new@example.com"));

    let twice = contacts.create(&*location).email("ann.new@example.com").await.unwrap_err();
    let expected =
        GhlErrorReason::DuplicateContact { contact_id: Some(ann.id.clone()), matching_field: Some("email".to_owned()) };
    assert_eq!((twice.kind(), twice.problem()), (ErrorKind::Conflict, Some(&expected)));

    assert!(
        contacts.add_tags(&*location, &ann.id).tag("course: rust").await.unwrap().contains(&"course: rust".to_owned())
    );
    assert!(contacts.remove_tags(&*location, &ann.id).tag("course: rust").await.unwrap().is_empty());
    contacts.update(&*location, &ann.id).last_name("Changed").await.unwrap();
    let upserted = contacts.upsert(&*location).email("ann.new@example.com").city("Rome").await.unwrap();
    assert_eq!((upserted.created, &upserted.contact.id), (false, &ann.id));
    let read = contacts.get(&*location, &ann.id).await.unwrap();
    assert_eq!((read.last_name.as_deref(), read.city.as_deref()), (Some("Changed"), Some("Rome")));

    contacts.delete(&*location, &ann.id).await.unwrap();
    assert_eq!(contacts.get(&*location, &ann.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let unknown = contacts.create(&*location).set("shoeSize", 43).await.unwrap_err();
    assert!(matches!(unknown.problem(), Some(GhlErrorReason::Validation(_))), "{unknown}");
    sandbox.stop().await;
}

#[tokio::test]
async fn filters_reach_the_rows_they_name() {
    let sandbox = sandbox(200).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = by_private_token(&sandbox, &location);
    let some = ghl.contacts().search(&*location).page_size(1).await.unwrap().items.remove(0);
    let updated = some.date_updated.as_ref().unwrap().timestamp().unwrap();
    let email = some.email.clone().unwrap();
    let search = ghl.contacts().search(&*location).filter(Filter::any([
        Filter::eq("email", email.as_str()),
        Filter::all([Filter::exists("email"), Filter::eq("email", "nobody@example.com")]),
    ]));
    let found = search.filter(Filter::between("dateUpdated", Some(updated), Some(updated))).await.unwrap();
    assert_eq!(found.items.iter().map(|contact| &contact.id).collect::<Vec<_>>(), [&some.id]);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_appointment_lives_through_booking_listing_change_and_delete() {
    let sandbox = sandbox(20).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = by_private_token(&sandbox, &location);
    let calendar = ghl.calendars().list(&*location).await.unwrap().remove(0);
    let contact = ghl.contacts().search(&*location).page_size(1).await.unwrap().items.remove(0);
    let start = Timestamp::from_millis(sandbox.control().now_ms()) + std::time::Duration::from_secs(90_061);
    let end = start + std::time::Duration::from_secs(1_800);
    let booking = ghl.appointments().create(&*location, &calendar.id, &contact.id).start(start).end(end).title("Trial");
    let booked = booking.ignore_free_slots().await.unwrap();
    let events = ghl.calendars().all_events(&*location).between(start, end).await.unwrap();
    assert!(events.iter().any(|event| event.id == booked.id), "{events:?}");
    ghl.appointments().update(&*location, &booked.id).status(AppointmentStatus::Cancelled).await.unwrap();
    let read = ghl.appointments().get(&*location, &booked.id).await.unwrap();
    assert_eq!(read.status, Some(AppointmentStatus::Cancelled));
    ghl.appointments().delete(&*location, &booked.id).await.unwrap();
    assert_eq!(ghl.appointments().get(&*location, &booked.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_missing_scope_is_told_and_burns_no_refresh_token() {
    let sandbox = sandbox(10).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let token = sandbox.ghl().issue_location_token_with(&location, "contacts.readonly").unwrap();
    let ghl = GhlClient::builder().private_integration_token(token.access).base_url(base(&sandbox)).build().unwrap();
    let error = ghl.calendars().list(&*location).await.unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Forbidden, Some(&GhlErrorReason::ScopeMissing)));
    let other = sandbox.ghl().location_ids().remove(1);
    let error = ghl.contacts().search(&*other).await.unwrap_err();
    assert_eq!(error.problem(), Some(&GhlErrorReason::WrongLocation));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_spent_day_is_told_at_once() {
    let sandbox = sandbox(10).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = by_private_token(&sandbox, &location);
    sandbox.control().set_daily_usage(&location, 200_000);
    let error = ghl.contacts().search(&*location).await.unwrap_err();
    assert!(matches!(error.problem(), Some(GhlErrorReason::DayLimit { .. })), "{error:?}");
    assert!(error.retry_after().unwrap() > std::time::Duration::from_secs(60));
    sandbox.stop().await;
}

async fn all<S: Source>(source: &S) -> Vec<Change> {
    let (mut changes, mut at) = (Vec::new(), None);
    loop {
        let page = source.page(PageRequest { cursor: at, ..PageRequest::full() }).await.unwrap().page;
        changes.extend(page.items);
        match page.next {
            Some(next) => at = Some(next),
            None => return changes,
        }
    }
}

#[tokio::test]
async fn a_full_pass_copies_exactly_what_is_there() {
    let sandbox = sandbox(3_000).await;
    let location = sandbox.ghl().location_ids().remove(0);
    let ghl = by_private_token(&sandbox, &location);
    let copied = all(&ContactsSource::new(ghl.clone(), "org1", &*location).page_size(500)).await;
    let truth = sandbox.ghl().contacts(&location);
    let ids = |of: &mut dyn Iterator<Item = String>| of.collect::<BTreeSet<_>>();
    assert_eq!(
        ids(&mut copied.iter().map(|change| change.key.id.to_string())),
        ids(&mut truth.iter().map(|contact| contact["id"].as_str().unwrap().to_owned()))
    );
    assert!(copied.is_sorted_by_key(|change| (change.position, change.key.id.clone())));
    let events = all(&EventsSource::new(ghl, "org1", &*location)).await;
    assert!(!events.is_empty() && events.is_sorted_by_key(|change| change.position));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_delivery_as_the_provider_signs_it_is_verified_read_and_applied() {
    let sandbox = sandbox(10).await;
    let ghl = sandbox.ghl();
    let location = LocationId::from(ghl.location_ids().remove(0));
    let now = Timestamp::from_millis(sandbox.control().now_ms());
    let payload = json!({
        "type": "ContactUpdate", "locationId": location, "id": "c1", "email": "new@example.com",
        "webhookId": "w1", "timestamp": now.to_string(),
    });
    let (headers, body) = ghl.sign_delivery(&payload);
    let verifier = GhlWebhookVerifier::with_keys([ghl.public_key_pem()]).unwrap();
    let verified = verifier.verify(Delivery { headers: &headers, body: &body, received_at: now }).unwrap();
    assert_eq!(verified.delivery_id.as_deref(), Some("w1"));
    let event = GhlEvent::parse(&body).unwrap();
    let changes = webhook_changes(&event, &"org1".into(), now);
    assert!(matches!(&changes[0].mutation, Mutation::Patch(patch) if patch["email"] == "new@example.com"));
    let forged = verifier.verify(Delivery { headers: &headers, body: &body[1..], received_at: now });
    assert!(forged.is_err());
    sandbox.stop().await;
}
