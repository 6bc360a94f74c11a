//! Creates an organization. Without the operator's token it is not visible, and an unknown one is not found.

use http::{Method, StatusCode, header};
use serde_json::json;

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::text,
    report::Counts,
};

impl Scenario {
    pub(super) async fn create_organization(&mut self) -> Result<Counts, CheckFailed> {
        let body = json!({ "name": "Demo Agency", "slug": self.slug });
        let made =
            self.server.call(Method::POST, "/api/organizations", Some(&body)).await?.require(StatusCode::CREATED)?;
        text(&made.json()?, "id").clone_into(&mut self.organization);
        ensure(!self.organization.is_empty(), || "the new organization has no id".to_owned())?;

        let again = self.server.call(Method::POST, "/api/organizations", Some(&body)).await?;
        again.require(StatusCode::CONFLICT)?;
        let empty = self.server.list(&self.path("contacts")).await?;
        ensure(empty.is_empty(), || format!("a new organization has {} contacts", empty.len()))?;

        let contacts = self.path("contacts");
        self.server.call_without_token(&contacts, &[]).await?.require(StatusCode::UNAUTHORIZED)?;
        let wrong = (header::AUTHORIZATION, "Bearer not-the-token".to_owned());
        self.server.call_without_token(&contacts, &[wrong]).await?.require(StatusCode::UNAUTHORIZED)?;
        let foreign = "/api/organizations/does-not-exist/contacts";
        self.server.call(Method::GET, foreign, None).await?.require(StatusCode::NOT_FOUND)?;
        Ok(Counts::new().with("organizations", 1_u64).with("refusals", 4_u64))
    }
}
