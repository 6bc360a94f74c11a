//! Connecting Cal.com by key: a wrong one is refused, no secret is shown, and what stands in GHL's calendar is not bookable.

use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sidecar_core::secret;

use super::{AHEAD, Account, DAY, Story, time};
use crate::demo::{
    http::{Wrong, ensure},
    probes::text,
    report::Counts,
};

/// What the stand-in lets through in a minute, lest the story takes the time that Cal.com's usual 120 would take.
const CALLS: u32 = 6_000;

impl Story {
    pub(in crate::demo::scenario) async fn connect_calcom(&mut self) -> Result<Counts, Wrong> {
        self.calcom = self.account().await?;
        self.provider.order("calcom/limits", &json!({"rules": {"per_key": CALLS}})).await?;
        let path = self.path("integrations/calcom");

        let wrong = json!({"apiKey": "cal_live_of_somebody_else"});
        let refused = self.server.call(Method::PUT, &path, Some(&wrong)).await?;
        refused.require(StatusCode::UNPROCESSABLE_ENTITY)?;

        let secret = secret::random_token().map_err(|error| Wrong(format!("no randomness: {error}")))?;
        let mapping = json!({"locationId": self.calcom.location, "calendarId": self.calcom.calendar});
        let wish = json!({
            "apiKey": self.calcom.key, "webhookSecrets": [secret.expose_secret()], "defaultMapping": mapping,
            "callsPerMinute": CALLS,
        });
        let answer = self.server.call(Method::PUT, &path, Some(&wish)).await?.require(StatusCode::OK)?;
        let (shown, view) = (answer.text(), answer.json()?);
        ensure(!shown.contains(&self.calcom.key) && !shown.contains(secret.expose_secret()), || {
            "the connection shows its secrets".to_owned()
        })?;
        let way_in = format!("/api/webhooks/calcom/{}", self.organization);
        let is_right = view["connected"] == true && text(&view, "webhookUrl").ends_with(&way_in);
        ensure(is_right, || format!("the connection is not as wished: {view}"))?;

        self.calcom.webhook = self.subscribe(&way_in, secret.expose_secret()).await?;
        self.eventually("the first copy of the bookings", || async {
            let status = self.server.get(&self.path("sync")).await?;
            let rows = status["sources"].as_array().cloned().unwrap_or_default();
            let row = rows.into_iter().find(|row| row["source"] == "CALCOM_BOOKINGS").unwrap_or_default();
            ensure(row["lastSyncAt"].is_string(), || format!("bookings were not copied yet: {row}"))
        })
        .await?;
        let blocked = self.eventually("the block of every appointment", || self.appointments_are_blocked()).await?;
        Ok(Counts::new()
            .with("webhooks", 1_u64)
            .with("wrong_keys_refused", 1_u64)
            .with("appointments_not_bookable", blocked))
    }

    /// What the provider says of the account, and a calendar for its bookings.
    async fn account(&self) -> Result<Account, Wrong> {
        let (environment, state) = (self.provider.environment().await?, self.provider.calcom_state(false).await?);
        let types = state["eventTypes"].as_array().cloned().unwrap_or_default();
        let event_type = types.iter().find(|own| own["slug"] == "intro").and_then(|own| own["id"].as_i64());
        let ghl = self.provider.state(false).await?;
        let sites = ghl["locations"].as_array().cloned().unwrap_or_default();
        let site = sites.into_iter().find(|site| site["id"] == self.locations[0].as_str()).unwrap_or_default();
        let account = Account {
            url: text(&environment, "CALCOM_API_URL").trim_end_matches('/').to_owned(),
            key: text(&environment, "CALCOM_API_KEY").to_owned(),
            event_type: event_type.ok_or_else(|| Wrong("Cal.com has no event type `intro`".to_owned()))?,
            location: self.locations[0].clone(),
            calendar: site["calendarIds"][0].as_str().unwrap_or_default().to_owned(),
            ..Account::default()
        };
        let is_whole = ![&account.url, &account.key, &account.calendar].into_iter().any(String::is_empty);
        ensure(is_whole, || "the provider tells no account at Cal.com, or GHL has no calendar".to_owned())?;
        Ok(account)
    }

    /// Lets Cal.com tell the server what happens, as somebody sets it up there; the subscription's id.
    async fn subscribe(&self, way_in: &str, secret: &str) -> Result<String, Wrong> {
        let triggers =
            ["BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REJECTED"];
        let url = format!("{}{way_in}", self.server.url);
        let wish = json!({"subscriberUrl": url, "triggers": triggers, "active": true, "secret": secret});
        let made =
            self.at_calcom(Method::POST, "/v2/webhooks", Some(&wish)).await?.require(StatusCode::CREATED)?.json()?;
        let id = text(&made["data"], "id").to_owned();
        ensure(!id.is_empty(), || "the new webhook has no id".to_owned()).map(|()| id)
    }

    /// How many appointments GHL has that nobody can book over at Cal.com.
    async fn appointments_are_blocked(&self) -> Result<usize, Wrong> {
        let (free, now) = (self.free_times().await?, self.clock.now());
        ensure(!free.is_empty(), || "Cal.com has no free time at all".to_owned())?;
        let appointments = self.truth(&self.calcom.location, "appointments").await?;
        let is_ours = |row: &&Value| {
            row["calendarId"] == self.calcom.calendar.as_str() && row["appointmentStatus"] != "cancelled"
        };
        let mut blocked = 0;
        for row in appointments.iter().filter(is_ours) {
            let (start, end) = (time(row, "startTime")?, time(row, "endTime")?);
            if start < now || start > now + DAY * AHEAD {
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

/// What somebody books takes half an hour.
const SLOT: std::time::Duration = std::time::Duration::from_secs(30 * 60);
