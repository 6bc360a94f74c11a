//! Writing a contact through the server: each write is at GHL and in the store when the response arrives.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::text,
    report::Counts,
};

impl Scenario {
    pub(super) async fn contacts(&mut self) -> Result<Counts, CheckFailed> {
        let location = self.locations[0].clone();
        let email = format!("ada@{}.example.com", self.slug);
        let body = json!({"locationId": location, "firstName": "Ada", "lastName": "Lovelace", "email": email, "tags": ["course-analysis"]});
        let list = self.path("contacts");
        let made = self.server.call(Method::POST, &list, Some(&body)).await?.require(StatusCode::CREATED)?.json()?;
        let id = text(&made, "id").to_owned();
        let there = self
            .at_provider(&location, &id)
            .await?
            .ok_or_else(|| CheckFailed("the contact is not at the provider".to_owned()))?;
        ensure(there["email"] == email.as_str(), || {
            format!("the provider has {} as the e-mail address", there["email"])
        })?;

        let twin = self.server.call(Method::POST, &list, Some(&body)).await?.require(StatusCode::CONFLICT)?.json()?;
        ensure(twin["contactId"] == id.as_str(), || {
            format!("a duplicate was rejected without naming the contact: {twin}")
        })?;

        let path = self.path(&format!("contacts/{id}"));
        let change = json!({"firstName": "Augusta", "city": "London"});
        self.server.call(Method::PUT, &path, Some(&change)).await?.require(StatusCode::OK)?;
        let there = self.at_provider(&location, &id).await?.unwrap_or_default();
        ensure(there["firstName"] == "Augusta", || "the change did not reach the provider".to_owned())?;
        let stored = self.server.get(&path).await?;
        ensure(stored["firstName"] == "Augusta" && stored["city"] == "London", || {
            format!("the store was not updated: {stored}")
        })?;

        let found = self.server.list(&format!("{list}?query=augusta%20lovelace")).await?;
        ensure(found.iter().any(|contact| contact["id"] == id.as_str()), || {
            "the search does not find the contact".to_owned()
        })?;

        let deleted = self.server.call(Method::DELETE, &path, None).await?;
        ensure(deleted.status.is_success(), || deleted.unexpected("expected a success").0)?;
        ensure(self.at_provider(&location, &id).await?.is_none(), || {
            "the contact is still at the provider".to_owned()
        })?;
        self.server.call(Method::GET, &path, None).await?.require(StatusCode::NOT_FOUND)?;
        Ok(Counts::new()
            .with("created", 1_u64)
            .with("changed", 1_u64)
            .with("deleted", 1_u64)
            .with("duplicates_refused", 1_u64))
    }

    async fn at_provider(&self, location: &str, id: &str) -> Result<Option<Value>, CheckFailed> {
        Ok(self.contacts_at_ghl(location).await?.into_iter().find(|contact| contact["id"] == id))
    }
}
