//! The calendar that Cal.com (or anybody with its address) subscribes to: when the organization is busy, and nothing else.
//!
//! Invariant: no name, title or place is ever in it; whoever does not know the secret learns nothing, not even whether there is one.

use std::{fmt::Write, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ghl_client::sync::APPOINTMENT;
use http::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Listing, Record},
    secret,
};
use sidecar_store::Claimed;
use utoipa::ToSchema;

use super::booking_tag::tagged_booking;
use super::settings::{self, CalcomSettings};
use crate::{
    app::App,
    http::{ApiResult, Problem, extract::Path},
    tenancy::Tenant,
};

/// What is shown: so much of the past, so much of what is to come; nobody can be booked further ahead.
const PAST: Duration = Duration::from_secs(7 * 86_400);
const FUTURE: Duration = Duration::from_secs(400 * 86_400);
/// Appointments read at once, and the most that are shown.
const PAGE: u32 = 500;
const MOST: usize = 10_000;
/// How often settings that others change meanwhile are tried to be changed.
const ATTEMPTS: usize = 8;
/// Under which the hash of a secret is held by its organization, as a provider's locations are.
const HOLDING: &str = "calendar_feed";

/// A calendar's address.
#[derive(Debug, Serialize, ToSchema)]
pub struct Feed {
    /// Whoever has it sees when the organization is busy. It is shown this once.
    url: String,
}

#[derive(Debug, Deserialize)]
pub struct InPath {
    file: String,
}

/// Makes the calendar's address anew. The one before ends.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/integrations/calcom/feed",
    operation_id = "create_calendar_feed",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses((status = 201, body = Feed), (status = 503, body = Problem)),
)]
pub async fn create(tenant: Tenant, State(app): State<App>) -> ApiResult<(StatusCode, Json<Feed>)> {
    let secret = secret::random_token().map_err(|error| Problem::internal(&error))?;
    match app.store.claim_location(HOLDING, &hash(secret.expose_secret()), tenant.id()).await? {
        // Held before it is the one, so that it is found as soon as it is.
        Claimed::Claimed => replace(&app, tenant.id(), Some(secret.clone())).await?,
        Claimed::TakenBySomeoneElse => return Err(Problem::internal(&"the same randomness came twice")),
    }
    let url = app.config.address(&format!("/calendar/{}.ics", secret.expose_secret()));
    Ok((StatusCode::CREATED, Json(Feed { url })))
}

/// Ends the calendar's address.
#[utoipa::path(
    delete,
    path = "/api/organizations/{org}/integrations/calcom/feed",
    operation_id = "delete_calendar_feed",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses((status = 204, description = "There is no calendar now")),
)]
pub async fn delete(tenant: Tenant, State(app): State<App>) -> ApiResult<StatusCode> {
    forget(&app, tenant.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the organization's calendar, if it has one.
pub(super) async fn forget(app: &App, organization: &OrganizationId) -> ApiResult<()> {
    match app.calcom.settings(organization).await?.settings.feed_secret {
        Some(_) => replace(app, organization, None).await,
        None => Ok(()),
    }
}

/// Keeps another secret. Whoever replaces one lets go of it: nobody else does.
async fn replace(app: &App, organization: &OrganizationId, secret: Option<SecretString>) -> ApiResult<()> {
    for _ in 0..ATTEMPTS {
        let before = app.calcom.settings(organization).await?;
        let next = CalcomSettings { feed_secret: secret.clone(), ..before.settings.clone() };
        if settings::write(&*app.store, organization, before.revision, &next).await? {
            if let Some(old) = &before.settings.feed_secret {
                app.store.release_location(HOLDING, &hash(old.expose_secret()), organization).await?;
            }
            return Ok(());
        }
    }
    let detail = "somebody else changed these settings at the same time: try again";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "changed_meanwhile", detail))
}

/// When the organization is busy, as a calendar (RFC 5545): from a week ago to sixty days ahead.
#[utoipa::path(
    get,
    path = "/calendar/{file}",
    operation_id = "read_calendar_feed",
    tag = "appointments",
    params(("file" = String, Path, description = "The calendar's secret and `.ics`")),
    responses((status = 200, description = "The calendar", content_type = "text/calendar", body = String)),
)]
pub async fn read(State(app): State<App>, Path(InPath { file }): Path<InPath>) -> ApiResult<Response> {
    let unknown = || Problem::not_found("calendar");
    let given = file.strip_suffix(".ics").ok_or_else(unknown)?;
    // By a hash: how long the look takes tells nothing about the secret.
    let found = app.store.organization_of_location(HOLDING, &hash(given)).await?;
    let organization = found.ok_or_else(unknown)?;
    // What is held only leads to the organization; whether it is the one its settings tell.
    let settled = app.calcom.settings(&organization).await?;
    let is_it = |kept: &SecretString| secret::same(kept.expose_secret().as_bytes(), given.as_bytes());
    if !settled.settings.feed_secret.as_ref().is_some_and(is_it) {
        return Err(unknown());
    }
    let now = app.now();
    let mut calendar = Calendar::begin();
    for record in appointments(&app, &organization, now).await? {
        calendar.add(&record, now);
    }
    let headers =
        [(header::CONTENT_TYPE, "text/calendar; charset=utf-8"), (header::CACHE_CONTROL, "private, max-age=60")];
    Ok((headers, calendar.end()).into_response())
}

async fn appointments(app: &App, organization: &OrganizationId, now: Timestamp) -> ApiResult<Vec<Record>> {
    let mut wish = Listing { from: Some(now - PAST), to: Some(now + FUTURE), limit: PAGE, ..Listing::default() };
    let mut all: Vec<Record> = Vec::new();
    loop {
        let page = app.store.list(organization, APPOINTMENT, &wish).await?;
        let is_last = page.len() < PAGE as usize;
        wish.after = page.last().map(|last| (last.position, last.key.id.clone()));
        all.extend(page);
        if is_last || all.len() >= MOST {
            all.truncate(MOST);
            return Ok(all);
        }
    }
}

/// A calendar being written.
struct Calendar(String);

impl Calendar {
    fn begin() -> Self {
        Self("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Sidecar//Busy times//EN\r\nCALSCALE:GREGORIAN\r\n".to_owned())
    }

    /// Adds an appointment, unless it is a booking's, does not take place or has no times.
    fn add(&mut self, record: &Record, now: Timestamp) {
        if tagged_booking(&record.doc).is_some() {
            // Cal.com knows its own bookings.
            return;
        }
        let field = |name: &str| record.doc.get(name).and_then(Value::as_str);
        let status = field("appointmentStatus").or_else(|| field("status")).unwrap_or_default().to_ascii_lowercase();
        if matches!(status.as_str(), "cancelled" | "noshow" | "no_show" | "invalid") {
            return;
        }
        let time = |name: &str| field(name)?.parse::<Timestamp>().ok();
        let (Some(start), Some(end)) = (time("startTime"), time("endTime")) else { return };
        if start >= end {
            return;
        }
        // A hash: ids of the other system are nobody's business here, and it fits in a line.
        let uid = hash(&format!("{}:{}", record.key.organization, record.key.id));
        // Writing to a String cannot fail.
        let _ = write!(
            self.0,
            "BEGIN:VEVENT\r\nUID:{uid}@sidecar\r\nDTSTAMP:{}\r\nDTSTART:{}\r\nDTEND:{}\r\nSUMMARY:Busy\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\n",
            basic(now),
            basic(start),
            basic(end),
        );
    }

    fn end(mut self) -> String {
        self.0.push_str("END:VCALENDAR\r\n");
        self.0
    }
}

/// `20261201T090000Z`.
fn basic(time: Timestamp) -> String {
    Timestamp::from_secs(time.as_secs()).to_string().replace(['-', ':'], "")
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_the_basic_form() {
        assert_eq!(basic("2026-12-01T10:00:00.250+01:00".parse().unwrap()), "20261201T090000Z");
    }
}
