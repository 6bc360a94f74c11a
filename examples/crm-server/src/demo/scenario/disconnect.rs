//! After a disconnect the server rejects provider calls for the organization and says what to do.

use http::{Method, StatusCode};
use serde_json::json;

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    report::Counts,
};

impl Scenario {
    pub(super) async fn disconnect(&mut self) -> Result<Counts, CheckFailed> {
        self.disconnect_calcom().await?;
        let path = format!("/api/integrations/ghl?organizationId={}", self.organization);
        let gone = self.server.call(Method::DELETE, &path, None).await?;
        ensure(gone.status.is_success(), || gone.unexpected("expected a success").0)?;
        let body = json!({"locationId": self.locations[0], "firstName": "Nobody"});
        let rejected = self.server.call(Method::POST, &self.path("contacts"), Some(&body)).await?;
        rejected.require(StatusCode::CONFLICT)?;
        Ok(Counts::new().with("disconnected", 2_u64))
    }
}
