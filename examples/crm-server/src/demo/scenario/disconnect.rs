//! After a disconnect the server no longer speaks to the providers for the organization, and says what to do.

use http::{Method, StatusCode};
use serde_json::json;

use super::Story;
use crate::demo::{
    http::{Wrong, ensure},
    report::Counts,
};

impl Story {
    pub(super) async fn disconnect(&mut self) -> Result<Counts, Wrong> {
        self.leave_calcom().await?;
        let path = format!("/api/integrations/ghl?organizationId={}", self.organization);
        let gone = self.server.call(Method::DELETE, &path, None).await?;
        ensure(gone.status.is_success(), || gone.wrong("expected a success").0)?;
        let wish = json!({"locationId": self.locations[0], "firstName": "Nobody"});
        let refused = self.server.call(Method::POST, &self.path("contacts"), Some(&wish)).await?;
        refused.require(StatusCode::CONFLICT)?;
        Ok(Counts::new().with("disconnected", 2_u64))
    }
}
