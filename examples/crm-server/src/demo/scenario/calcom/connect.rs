//! Connecting Cal.com by key: a wrong key is rejected, no secret is returned, and GHL's appointments are not bookable.

use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sidecar_core::secret;

use super::{Account, DAY, DAYS_AHEAD, Scenario, time};
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::text,
    report::Counts,
};

/// The sandbox's calls per minute: Cal.com's default of 120 would slow the scenario down.
const CALLS_PER_MINUTE: u32 = 6_000;

impl Scenario {
    pub(in crate::demo::scenario) async fn connect_calcom(&mut self) -> Result<Counts, CheckFailed> {
        self.calcom = self.account().await?;
        self.provider.command("calcom/limits", &json!({"rules": {"per_key": CALLS_PER_MINUTE}})).await?;
        let path = self.path("integrations/calcom");

        let wrong = json!({"apiKey": "cal_live_of_another_account"});
        let rejected = self.server.call(Method::PUT, &path, Some(&wrong)).await?;
        rejected.require(StatusCode::UNPROCESSABLE_ENTITY)?;

        let secret = secret::random_token().map_err(|error| CheckFailed(format!("no randomness: {error}")))?;
        let mapping = json!({"locationId": self.calcom.location, "calendarId": self.calcom.calendar});
        let body = json!({
            "apiKey": self.calcom.key, "webhookSecrets": [secret.expose_secret()], "defaultMapping": mapping,
            "callsPerMinute": CALLS_PER_MINUTE,
        });
        let response = self.server.call(Method::PUT, &path, Some(&body)).await?.require(StatusCode::OK)?;
        let (shown, view) = (response.text(), response.json()?);
        ensure(!shown.contains(&self.calcom.key) && !shown.contains(secret.expose_secret()), || {
            "the connection shows its secrets".to_owned()
        })?;
        let webhook_path = format!("/api/webhooks/calcom/{}", self.organization);
        let is_right = view["connected"] == true && text(&view, "webhookUrl").ends_with(&webhook_path);
        ensure(is_right, || format!("the connection is not as requested: {view}"))?;

        self.calcom.webhook = self.subscribe(&webhook_path, secret.expose_secret()).await?;
        self.eventually("the first sync of the bookings", || async {
            let status = self.server.get(&self.path("sync")).await?;
            let rows = status["sources"].as_array().cloned().unwrap_or_default();
            let row = rows.into_iter().find(|row| row["source"] == "CALCOM_BOOKINGS").unwrap_or_default();
            ensure(row["lastSyncAt"].is_string(), || format!("bookings are not synced yet: {row}"))
        })
        .await?;
        let blocked = self.eventually("the block of every appointment", || self.appointments_are_blocked()).await?;
        Ok(Counts::new()
            .with("webhooks", 1_u64)
            .with("wrong_keys_rejected", 1_u64)
            .with("appointments_not_bookable", blocked))
    }

    /// Returns the sandbox's account, and a calendar for its bookings.
    async fn account(&self) -> Result<Account, CheckFailed> {
        let (environment, state) = (self.provider.environment().await?, self.provider.calcom_state(false).await?);
        let types = state["eventTypes"].as_array().cloned().unwrap_or_default();
        let event_type = types.iter().find(|own| own["slug"] == "intro").and_then(|own| own["id"].as_i64());
        let ghl = self.provider.state(false).await?;
        let sites = ghl["locations"].as_array().cloned().unwrap_or_default();
        let site = sites.into_iter().find(|site| site["id"] == self.locations[0].as_str()).unwrap_or_default();
        let account = Account {
            url: text(&environment, "CALCOM_API_URL").trim_end_matches('/').to_owned(),
            key: text(&environment, "CALCOM_API_KEY").to_owned(),
            event_type: event_type.ok_or_else(|| CheckFailed("Cal.com has no event type `intro`".to_owned()))?,
            location: self.locations[0].clone(),
            calendar: site["calendarIds"][0].as_str().unwrap_or_default().to_owned(),
            ..Account::default()
        };
        let is_whole = ![&account.url, &account.key, &account.calendar].into_iter().any(String::is_empty);
        ensure(is_whole, || "the sandbox has no Cal.com account, or GHL has no calendar".to_owned())?;
        Ok(account)
    }

    /// Subscribes the server to Cal.com's webhooks; returns the subscription's id.
    async fn subscribe(&self, webhook_path: &str, secret: &str) -> Result<String, CheckFailed> {
        let triggers =
            ["BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REJECTED"];
        let url = format!("{}{webhook_path}", self.server.url);
        let body = json!({"subscriberUrl": url, "triggers": triggers, "active": true, "secret": secret});
        let made =
            self.at_calcom(Method::POST, "/v2/webhooks", Some(&body)).await?.require(StatusCode::CREATED)?.json()?;
        let id = text(&made["data"], "id").to_owned();
        ensure(!id.is_empty(), || "the new webhook has no id".to_owned()).map(|()| id)
    }

    /// Returns how many of GHL's appointments block their time at Cal.com.
    async fn appointments_are_blocked(&self) -> Result<usize, CheckFailed> {
        let (free, now) = (self.free_times().await?, self.clock.now());
        ensure(!free.is_empty(), || "Cal.com has no free time at all".to_owned())?;
        let appointments = self.rows_at_ghl(&self.calcom.location, "appointments").await?;
        let is_ours = |row: &&Value| {
            row["calendarId"] == self.calcom.calendar.as_str() && row["appointmentStatus"] != "cancelled"
        };
        let mut blocked = 0;
        for row in appointments.iter().filter(is_ours) {
            let (start, end) = (time(row, "startTime")?, time(row, "endTime")?);
            if start < now || start > now + DAY * DAYS_AHEAD {
                continue;
            }
            let clash = free.iter().find(|slot| **slot < end && start < **slot + SLOT);
            ensure(clash.is_none(), || {
                format!("{} is free at Cal.com, and GHL has an appointment then", clash.copied().unwrap_or(start))
            })?;
            blocked += 1;
        }
        Ok(blocked)
    }
}

/// The length of the event type.
const SLOT: std::time::Duration = std::time::Duration::from_secs(30 * 60);
