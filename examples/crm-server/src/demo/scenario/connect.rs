//! Connecting GHL as a browser does: the server's link, the consent page, the redirect back, which works only once.

use http::{Method, StatusCode, header};

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::count,
    report::Counts,
};

impl Scenario {
    pub(super) async fn connect(&mut self) -> Result<Counts, CheckFailed> {
        let before = self.provider.state(false).await?;
        let exchanged = format!("/counts/connections/{}/exchanges", self.company);

        let link = format!("/api/integrations/ghl/connect?organizationId={}", self.organization);
        let server = self.server.url.clone();
        let sent = self.server.call(Method::GET, &link, None).await?.require(StatusCode::FOUND)?;
        let consent = sent.location(&server)?;
        let state = consent.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
        ensure(state.is_some_and(|state| state.len() >= 43), || "the state has less than 256 bits".to_owned())?;

        let consented = self.provider.visit(consent.as_str()).await?.require(StatusCode::FOUND)?;
        let back = consented.location(&server)?;
        let callback = format!("{}?{}", back.path(), back.query().unwrap_or_default());

        let cookie = (header::COOKIE, sent.cookies());
        let done = self
            .server
            .call_without_token(&callback, std::slice::from_ref(&cookie))
            .await?
            .require(StatusCode::FOUND)?;
        let target = done.location(&server)?;
        let expected = format!("/agency/{}/admin/settings?integration=success", self.slug);
        ensure(target.as_str().ends_with(&expected), || format!("connecting ended at {target}, not at {expected}"))?;

        let again = self.server.call_without_token(&callback, &[cookie]).await?;
        let is_rejected = again.status != StatusCode::FOUND || !again.location(&server)?.as_str().contains("success");
        ensure(is_rejected, || "the same state was accepted twice".to_owned())?;

        let after = self.provider.state(false).await?;
        let exchanges = count(&after, &exchanged) - count(&before, &exchanged);
        ensure(exchanges == 1, || format!("the code was exchanged {exchanges} times"))?;
        let minted = self.eventually("a token for each location", || self.minted_everywhere(&before)).await?;
        Ok(Counts::new().with("exchanges", exchanges).with("location_tokens", minted))
    }

    async fn minted_everywhere(&self, before: &serde_json::Value) -> Result<usize, CheckFailed> {
        let now = self.provider.state(false).await?;
        for location in &self.locations {
            let minted = format!("/counts/connections/{location}/minted");
            ensure(count(&now, &minted) > count(before, &minted), || format!("{location} has no token"))?;
        }
        Ok(self.locations.len())
    }
}
