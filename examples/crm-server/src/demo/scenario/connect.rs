//! Connecting, as a browser does it: the server's link, the provider's consent, the way back. Once used, the way back is shut.

use http::{Method, StatusCode, header};

use super::Story;
use crate::demo::{
    http::{Wrong, ensure},
    probes::count,
    report::Counts,
};

impl Story {
    pub(super) async fn connect(&mut self) -> Result<Counts, Wrong> {
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
        let way_back = format!("{}?{}", back.path(), back.query().unwrap_or_default());

        let cookie = (header::COOKIE, sent.cookies());
        let done =
            self.server.call_as_nobody(&way_back, std::slice::from_ref(&cookie)).await?.require(StatusCode::FOUND)?;
        let target = done.location(&server)?;
        let happy = format!("/agency/{}/admin/settings?integration=success", self.slug);
        ensure(target.as_str().ends_with(&happy), || format!("connecting ended at {target}, not at {happy}"))?;

        let again = self.server.call_as_nobody(&way_back, &[cookie]).await?;
        let shut = again.status != StatusCode::FOUND || !again.location(&server)?.as_str().contains("success");
        ensure(shut, || "the same state was good twice".to_owned())?;

        let after = self.provider.state(false).await?;
        let exchanges = count(&after, &exchanged) - count(&before, &exchanged);
        ensure(exchanges == 1, || format!("the code was exchanged {exchanges} times"))?;
        let minted = self.eventually("a token for each location", || self.minted_everywhere(&before)).await?;
        Ok(Counts::new().with("exchanges", exchanges).with("location_tokens", minted))
    }

    async fn minted_everywhere(&self, before: &serde_json::Value) -> Result<usize, Wrong> {
        let now = self.provider.state(false).await?;
        for location in &self.locations {
            let minted = format!("/counts/connections/{location}/minted");
            ensure(count(&now, &minted) > count(before, &minted), || format!("{location} has no token"))?;
        }
        Ok(self.locations.len())
    }
}
