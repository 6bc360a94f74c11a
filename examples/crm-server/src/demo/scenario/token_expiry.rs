//! Every access token expires during concurrent calls: one refresh for the company, one new token per location, no failed call, no
//! refresh token used twice.

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::{count, text},
    report::Counts,
};

/// Concurrent calls per location, each on another contact.
const CALLS: usize = 32;

impl Scenario {
    pub(super) async fn token_expiry(&mut self) -> Result<Counts, CheckFailed> {
        let mut contacts = Vec::new();
        for location in &self.locations {
            // From the end: the step before changed contacts at the beginning.
            let all = self.contacts_at_ghl(location).await?;
            contacts.extend(all.into_iter().rev().take(CALLS).map(|contact| text(&contact, "id").to_owned()));
        }
        ensure(!contacts.is_empty(), || "the provider has no contacts".to_owned())?;
        let before = self.provider.state(false).await?;
        self.provider.command("tokens", &json!({"expire_all": true})).await?;

        let change = json!({"lastName": "Refreshed"});
        let paths: Vec<String> = contacts.iter().map(|id| self.path(&format!("contacts/{id}"))).collect();
        let calls = paths.iter().map(|path| async {
            self.server.call(Method::PUT, path, Some(&change)).await?.require(StatusCode::OK).map(drop)
        });
        let failed: Vec<CheckFailed> = join_all(calls).await.into_iter().filter_map(Result::err).collect();
        ensure(failed.is_empty(), || {
            format!("{} of {} calls failed, first: {}", failed.len(), contacts.len(), failed[0])
        })?;

        let after = self.provider.state(false).await?;
        let refreshes = increase(&before, &after, &self.company, "refreshes");
        ensure(refreshes == 1, || format!("the company's token was refreshed {refreshes} times"))?;
        for location in &self.locations {
            let minted = increase(&before, &after, location, "minted");
            ensure(minted == 1, || format!("{location} got {minted} new tokens"))?;
        }
        let connections = self.locations.iter().chain([&self.company]);
        let reuses: u64 = connections.map(|id| increase(&before, &after, id, "reuses")).sum();
        ensure(reuses == 0, || format!("{reuses} refresh tokens were used again"))?;
        self.all_changed(&contacts).await?;
        Ok(Counts::new()
            .with("calls", contacts.len())
            .with("failed_calls", 0_u64)
            .with("refreshes", refreshes)
            .with("location_tokens", self.locations.len()))
    }

    /// Checks that every change arrived at GHL.
    async fn all_changed(&self, ids: &[String]) -> Result<(), CheckFailed> {
        let mut refreshed = 0;
        for location in &self.locations {
            let all = self.contacts_at_ghl(location).await?;
            refreshed += all
                .iter()
                .filter(|contact| ids.iter().any(|id| contact["id"] == **id) && contact["lastName"] == "Refreshed")
                .count();
        }
        ensure(refreshed == ids.len(), || format!("{refreshed} of {} changes reached the provider", ids.len()))
    }
}

fn increase(before: &Value, after: &Value, connection: &str, what: &str) -> u64 {
    let pointer = format!("/counts/connections/{connection}/{what}");
    count(after, &pointer) - count(before, &pointer)
}
