//! The calendar feed that Cal.com, or anyone with its address, subscribes to: the organization's busy times.
//!
//! Invariant: it contains no name, title or place; without the secret a caller cannot even learn whether a feed exists.

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
use super::settings::{CalcomSettings, SettingsUpdate};
use crate::{
    app::App,
    http::{ApiResult, Problem, extract::Path},
    tenancy::Tenant,
};

/// The range of the feed. Cal.com takes no bookings further ahead.
const PAST_RANGE: Duration = Duration::from_secs(7 * 86_400);
const FUTURE_RANGE: Duration = Duration::from_secs(400 * 86_400);
/// Appointments per read.
const BATCH_SIZE: u32 = 500;
/// The most appointments in a feed.
const MAX_APPOINTMENTS: usize = 10_000;
/// The kind under which an organization owns the hash of its secret, in the table of resource owners.
const SECRET_KIND: &str = "calendar_feed";

/// A calendar feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Feed {
    /// The secret address: it shows when the organization is busy. It is returned only once.
    url: String,
}

#[derive(Debug, Deserialize)]
pub struct InPath {
    file: String,
}

/// Creates the calendar feed. An existing address becomes invalid.
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
    match app.store.claim_location(SECRET_KIND, &hash(secret.expose_secret()), tenant.id()).await? {
        // Claimed before it is stored, so that a stored secret is always found.
        Claimed::Claimed => replace_secret(&app, tenant.id(), Some(secret.clone())).await?,
        Claimed::OwnedByAnother => return Err(Problem::internal(&"a random secret was generated twice")),
    }
    let url = app.config.address(&format!("/calendar/{}.ics", secret.expose_secret()));
    Ok((StatusCode::CREATED, Json(Feed { url })))
}

/// Deletes the calendar feed.
#[utoipa::path(
    delete,
    path = "/api/organizations/{org}/integrations/calcom/feed",
    operation_id = "delete_calendar_feed",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete(tenant: Tenant, State(app): State<App>) -> ApiResult<StatusCode> {
    delete_feed(&app, tenant.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the organization's calendar feed, if it has one.
pub(super) async fn delete_feed(app: &App, organization: &OrganizationId) -> ApiResult<()> {
    match app.calcom.settings(organization).await?.settings.feed_secret {
        Some(_) => replace_secret(app, organization, None).await,
        None => Ok(()),
    }
}

/// Stores another secret and releases the one before.
async fn replace_secret(app: &App, organization: &OrganizationId, secret: Option<SecretString>) -> ApiResult<()> {
    let mut update = SettingsUpdate::new(&*app.store, organization);
    while let Some(stored) = update.read().await? {
        let next = CalcomSettings { feed_secret: secret.clone(), ..stored.settings.clone() };
        if update.write(&stored, &next).await? {
            if let Some(old) = &stored.settings.feed_secret {
                app.store.release_location(SECRET_KIND, &hash(old.expose_secret()), organization).await?;
            }
            return Ok(());
        }
    }
    let detail = "other requests are changing these settings: try again";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "changed_concurrently", detail))
}

/// Reads the organization's busy times as a calendar (RFC 5545): from 7 days ago to 400 days ahead.
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
    // By hash: the duration of the lookup reveals nothing about the secret.
    let found = app.store.organization_of_location(SECRET_KIND, &hash(given)).await?;
    let organization = found.ok_or_else(unknown)?;
    // The hash only finds the organization; its settings decide whether the secret is current.
    let stored = app.calcom.settings(&organization).await?;
    let is_current = |current: &SecretString| secret::same(current.expose_secret().as_bytes(), given.as_bytes());
    if !stored.settings.feed_secret.as_ref().is_some_and(is_current) {
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
    let range = (Some(now - PAST_RANGE), Some(now + FUTURE_RANGE));
    let mut listing = Listing { from: range.0, to: range.1, limit: BATCH_SIZE, ..Listing::default() };
    let mut all: Vec<Record> = Vec::new();
    loop {
        let page = app.store.list(organization, APPOINTMENT, &listing).await?;
        let is_last = page.len() < BATCH_SIZE as usize;
        listing.after = page.last().map(|last| (last.position, last.key.id.clone()));
        all.extend(page);
        if is_last || all.len() >= MAX_APPOINTMENTS {
            all.truncate(MAX_APPOINTMENTS);
            return Ok(all);
        }
    }
}

/// The text of a calendar.
struct Calendar(String);

impl Calendar {
    fn begin() -> Self {
        Self("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Sidecar//Busy times//EN\r\nCALSCALE:GREGORIAN\r\n".to_owned())
    }

    /// Adds an appointment, unless it belongs to a booking, does not take place or has no times.
    fn add(&mut self, record: &Record, now: Timestamp) {
        if tagged_booking(&record.doc).is_some() {
            // Cal.com has its own bookings.
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
        // A hash, because the feed shows no ids of GHL, and because it fits in a line.
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
    fn times_are_written_in_the_basic_format() {
        assert_eq!(basic("2026-12-01T10:00:00.250+01:00".parse().unwrap()), "20261201T090000Z");
    }
}
