//! During an outage of GHL, a write fails with a problem and reads continue; afterwards the write succeeds.

use http::{Method, header};
use serde_json::json;

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::text,
    report::Counts,
};

impl Scenario {
    pub(super) async fn outage(&mut self) -> Result<Counts, CheckFailed> {
        let location = self.locations[1].clone();
        let contact = self.contacts_at_ghl(&location).await?.into_iter().next().unwrap_or_default();
        let path = self.path(&format!("contacts/{}", text(&contact, "id")));
        let change = &json!({"city": "Calm"});

        let outage = json!({"rules": [{"path": "/contacts", "fault": {"kind": "status", "status": 503}}]});
        self.provider.command("faults", &outage).await?;
        let rejected = self.server.call(Method::PUT, &path, Some(change)).await;
        let read = self.server.get(&path).await;
        self.provider.command("faults", &json!({"clear": true})).await?;

        let rejected = rejected?;
        ensure(matches!(rejected.status.as_u16(), 502..=504), || rejected.unexpected("expected 502, 503 or 504").0)?;
        let kind = rejected.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        ensure(kind.starts_with("application/problem+json"), || format!("the error is {kind}, not a problem"))?;
        read?;

        self.eventually("the provider's return", || async {
            let response = self.server.call(Method::PUT, &path, Some(change)).await?;
            ensure(response.status.is_success(), || response.unexpected("expected a success").0)
        })
        .await?;
        let stored = self.server.get(&path).await?;
        ensure(stored["city"] == "Calm", || format!("the store was not updated: {stored}"))?;
        Ok(Counts::new().with("refused_writes", 1_u64).with("reads_meanwhile", 1_u64).with("writes_after", 1_u64))
    }
}
