//! An organization is made; nobody without the operator's token sees it, and a foreign one looks like none.

use http::{Method, StatusCode, header};
use serde_json::json;

use super::Story;
use crate::demo::{
    http::{Wrong, ensure},
    probes::text,
    report::Counts,
};

impl Story {
    pub(super) async fn make_organization(&mut self) -> Result<Counts, Wrong> {
        let wish = json!({ "name": "Demo Agency", "slug": self.slug });
        let made =
            self.server.call(Method::POST, "/api/organizations", Some(&wish)).await?.require(StatusCode::CREATED)?;
        text(&made.json()?, "id").clone_into(&mut self.organization);
        ensure(!self.organization.is_empty(), || "the new organization has no id".to_owned())?;

        let again = self.server.call(Method::POST, "/api/organizations", Some(&wish)).await?;
        again.require(StatusCode::CONFLICT)?;
        let empty = self.server.list(&self.path("contacts")).await?;
        ensure(empty.is_empty(), || format!("a new organization has {} contacts", empty.len()))?;

        let contacts = self.path("contacts");
        self.server.call_as_nobody(&contacts, &[]).await?.require(StatusCode::UNAUTHORIZED)?;
        let wrong = (header::AUTHORIZATION, "Bearer not-the-token".to_owned());
        self.server.call_as_nobody(&contacts, &[wrong]).await?.require(StatusCode::UNAUTHORIZED)?;
        let foreign = "/api/organizations/does-not-exist/contacts";
        self.server.call(Method::GET, foreign, None).await?.require(StatusCode::NOT_FOUND)?;
        Ok(Counts::new().with("organizations", 1_u64).with("refusals", 4_u64))
    }
}
