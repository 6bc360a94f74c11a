//! Creating, moving and cancelling an appointment at GHL is visible in the server.

use std::time::Duration;

use serde_json::{Value, json};
use sidecar_core::Timestamp;

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::text,
    report::Counts,
};

const DAY: Duration = Duration::from_secs(86_400);

impl Scenario {
    pub(super) async fn appointments(&mut self) -> Result<Counts, CheckFailed> {
        let location = self.locations[1].clone();
        let (calendar, contact) = self.bookable(&location).await?;
        let start = Timestamp::from_secs(self.clock.now().as_secs()) + 2 * DAY;
        let fields = json!({
            "calendarId": calendar, "contactId": contact, "title": "First lesson", "startTime": start.to_string(),
            "ignoreFreeSlotValidation": true, "ignoreDateRange": true,
        });
        let change = json!({"action": "create_appointment", "location": location, "fields": fields});
        let made = self.provider.change(vec![change]).await?;
        let id = made.first().map(|made| text(made, "id").to_owned()).unwrap_or_default();
        self.is_listed_at(&id, start).await?;

        let moved = start + DAY;
        let fields = json!({"startTime": moved.to_string(), "ignoreFreeSlotValidation": true, "ignoreDateRange": true});
        self.provider.change(vec![json!({"action": "update_appointment", "id": id, "fields": fields})]).await?;
        self.is_listed_at(&id, moved).await?;

        self.provider.change(vec![json!({"action": "delete_appointment", "id": id})]).await?;
        self.eventually("the appointment's end", || async {
            let still = self.on_day(moved).await?.iter().any(|appointment| appointment["id"] == id.as_str());
            ensure(!still, || "it is still listed".to_owned())
        })
        .await?;
        let all = self.server.list(&self.path("appointments")).await?.len();
        Ok(Counts::new().with("made", 1_u64).with("moved", 1_u64).with("cancelled", 1_u64).with("appointments", all))
    }

    /// Returns a calendar and a contact of the location.
    async fn bookable(&self, location: &str) -> Result<(Value, Value), CheckFailed> {
        let state = self.provider.state(false).await?;
        let locations = state["locations"].as_array().cloned().unwrap_or_default();
        let site = locations.into_iter().find(|site| site["id"] == location).unwrap_or_default();
        let contact = self.contacts_at_ghl(location).await?.into_iter().next().unwrap_or_default();
        let (calendar, contact) = (site["calendarIds"][0].clone(), contact["id"].clone());
        ensure(calendar.is_string() && contact.is_string(), || format!("{location} has no calendar or no contact"))?;
        Ok((calendar, contact))
    }

    /// Waits until the appointment is listed on that day, and not on the days around.
    async fn is_listed_at(&self, id: &str, start: Timestamp) -> Result<(), CheckFailed> {
        self.eventually("the appointment", || async {
            let listed = |rows: Vec<Value>| rows.iter().any(|appointment| appointment["id"] == id);
            ensure(listed(self.on_day(start).await?), || format!("{id} is not listed at {start}"))?;
            ensure(!listed(self.on_day(start - DAY).await?), || format!("{id} is still listed a day before {start}"))
        })
        .await
    }

    async fn on_day(&self, noon: Timestamp) -> Result<Vec<Value>, CheckFailed> {
        let (from, to) = (noon - DAY / 4, noon + DAY / 4);
        self.server.list(&self.path(&format!("appointments?from={from}&to={to}"))).await
    }
}
