//! While the provider fails, a write is refused with a problem that says so, reads go on; when it is back, so is the write.

use http::{Method, header};
use serde_json::json;

use super::Story;
use crate::demo::{
    http::{Wrong, ensure},
    probes::text,
    report::Counts,
};

impl Story {
    pub(super) async fn outage(&mut self) -> Result<Counts, Wrong> {
        let location = self.locations[1].clone();
        let contact = self.true_contacts(&location).await?.into_iter().next().unwrap_or_default();
        let path = self.path(&format!("contacts/{}", text(&contact, "id")));
        let change = &json!({"city": "Calm"});

        let storm = json!({"rules": [{"path": "/contacts", "fault": {"kind": "status", "status": 503}}]});
        self.provider.order("faults", &storm).await?;
        let refused = self.server.call(Method::PUT, &path, Some(change)).await;
        let read = self.server.get(&path).await;
        self.provider.order("faults", &json!({"clear": true})).await?;

        let refused = refused?;
        ensure(matches!(refused.status.as_u16(), 502..=504), || refused.wrong("expected 502, 503 or 504").0)?;
        let kind = refused.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        ensure(kind.starts_with("application/problem+json"), || format!("the refusal is {kind}, not a problem"))?;
        read?;

        self.eventually("the provider's return", || async {
            let answer = self.server.call(Method::PUT, &path, Some(change)).await?;
            ensure(answer.status.is_success(), || answer.wrong("expected a success").0)
        })
        .await?;
        let copy = self.server.get(&path).await?;
        ensure(copy["city"] == "Calm", || format!("the store did not follow: {copy}"))?;
        Ok(Counts::new().with("refused_writes", 1_u64).with("reads_meanwhile", 1_u64).with("writes_after", 1_u64))
    }
}
