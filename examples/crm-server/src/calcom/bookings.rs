//! Bookings, made and changed at Cal.com at once: it alone knows who is free.

use axum::{Json, extract::State};
use calcom_client::{
    CalcomClient,
    bookings::{NewAttendee, REFERENCE, Sort, StatusFilter},
    compat::NewBooking,
    model::{Booked, Booking},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sidecar_core::{OrganizationId, Timestamp};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{self, Path, Query},
        pagination::{Page, invalid_cursor, invalid_query, page_size},
        responses::ProviderProblems,
    },
    tenancy::Tenant,
};

/// The longest `Idempotency-Key`, in bytes: Cal.com keeps 500 characters.
const LONGEST_KEY: usize = 255;
/// The metadata key that tells whose a booking is when its events come.
pub const ORGANIZATION: &str = "organizationId";

#[derive(Debug, Deserialize)]
pub struct InPath {
    uid: String,
}

/// A booking, or all of a series, as Cal.com has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub struct BookingDocument(Value);

impl From<&Booking> for BookingDocument {
    fn from(booking: &Booking) -> Self {
        Self(json!(booking))
    }
}

/// Bookings that were made or changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bookings {
    /// One, or all of a series.
    bookings: Vec<BookingDocument>,
}

impl From<Booked> for Bookings {
    fn from(booked: Booked) -> Self {
        Self { bookings: booked.as_slice().iter().map(Into::into).collect() }
    }
}

/// A booking to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BookingWish {
    /// The event type.
    event_type_id: i64,
    /// When it begins (RFC 3339).
    #[schema(example = "2026-12-01T09:00:00Z")]
    start: String,
    /// When it ends; where it is left out, as long as the event type has it.
    end: Option<String>,
    /// Who comes.
    attendee: AttendeeWish,
    /// Values of one's own, kept as texts. `organizationId` is added.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// Who comes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttendeeWish {
    /// Name.
    name: String,
    /// E-mail address.
    email: String,
    /// Phone number in E.164.
    phone: Option<String>,
    /// The IANA time zone that mails tell the time in; `UTC` unless set.
    time_zone: Option<String>,
}

/// Books a time. With an `Idempotency-Key`, a booking that was made with it before, and whose answer may have been lost, is answered
/// instead of made again, for as long as it takes place.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/bookings",
    operation_id = "create_booking",
    tag = "bookings",
    params(
        ("org" = String, Path, description = "The organization's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Your name for this booking, unique among its attendee's; 1 to 255 visible characters"),
    ),
    request_body = BookingWish,
    security(("operator" = [])),
    responses(
        (status = 200, description = "It was made before", body = Bookings),
        (status = 201, body = Bookings),
        (status = 409, description = "`slot_taken` or `reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn create(
    tenant: Tenant,
    State(app): State<App>,
    headers: HeaderMap,
    extract::Json(mut wish): extract::Json<BookingWish>,
) -> ApiResult<(StatusCode, Json<Bookings>)> {
    let start = time("start", &wish.start)?;
    let end = wish.end.as_deref().map(|end| time("end", end)).transpose()?;
    let reference = idempotency_key(&headers)?;
    let calcom = client(&app, tenant.id()).await?;
    let Some(reference) = reference else {
        let booked = book(&calcom, tenant.id(), wish, start, end).await?;
        return Ok((StatusCode::CREATED, Json(booked.into())));
    };
    wish.metadata.insert(REFERENCE.to_owned(), json!(reference));
    let email = wish.attendee.email.clone();
    let made_before = async || calcom.bookings().find(&email, &reference).await;
    let found = |booking: &Booking| (StatusCode::OK, Json(Bookings { bookings: vec![booking.into()] }));
    if let Some(booking) = made_before().await? {
        return Ok(found(&booking));
    }
    match book(&calcom, tenant.id(), wish, start, end).await {
        Ok(booked) => Ok((StatusCode::CREATED, Json(booked.into()))),
        Err(error) if error.may_have_taken_effect() => match made_before().await {
            Ok(Some(booking)) => Ok(found(&booking)),
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn idempotency_key(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    let refuse =
        || Problem::invalid(format!("`Idempotency-Key` must have 1 to {LONGEST_KEY} visible ASCII characters"));
    key.map(|key| Some(key.to_owned())).ok_or_else(refuse)
}

async fn book(
    calcom: &CalcomClient,
    organization: &OrganizationId,
    wish: BookingWish,
    start: Timestamp,
    end: Option<Timestamp>,
) -> sidecar_core::Result<Booked> {
    let BookingWish { event_type_id, attendee, mut metadata, .. } = wish;
    metadata.insert(ORGANIZATION.to_owned(), json!(organization));
    let time_zone = attendee.time_zone.unwrap_or_else(|| "UTC".to_owned());
    if let Some(end) = end {
        let booking = NewBooking {
            event_type: event_type_id.into(),
            start,
            end,
            attendee_name: attendee.name,
            attendee_email: attendee.email,
            attendee_phone: attendee.phone,
            time_zone,
            metadata,
        };
        return calcom.create_booking(booking).await;
    }
    let mut who = NewAttendee::new(attendee.name, attendee.email, time_zone);
    if let Some(phone) = attendee.phone {
        who = who.phone(phone);
    }
    let mut create = calcom.bookings().create(event_type_id, start, &who);
    for (key, value) in metadata {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        create = create.metadata(key, text);
    }
    create.await
}

/// Which bookings to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedBookings {
    /// Only these: `upcoming`, `recurring`, `past`, `cancelled` or `unconfirmed`.
    status: Option<String>,
    /// Only those of this event type.
    event_type_id: Option<i64>,
    /// Only those that begin at this time or later (RFC 3339).
    from: Option<String>,
    /// Only those that end at this time or earlier (RFC 3339).
    to: Option<String>,
    /// The page before's `nextCursor`.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100, 25 unless set.
    limit: Option<u32>,
}

/// Lists bookings by their start, as Cal.com has them.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/bookings",
    operation_id = "list_bookings",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), WantedBookings),
    security(("operator" = [])),
    responses(
        (status = 200, body = Page<BookingDocument>),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(wanted): Query<WantedBookings>,
) -> ApiResult<Json<Page<BookingDocument>>> {
    let skip: u64 = wanted.cursor.as_deref().map(str::parse).transpose().map_err(|_| invalid_cursor())?.unwrap_or(0);
    let mut list = client(&app, tenant.id())
        .await?
        .bookings()
        .list()
        .sort_start(Sort::Asc)
        .skip(skip)
        .page_size(page_size(wanted.limit)?);
    if let Some(status) = &wanted.status {
        list = list.status(vec![status_filter(status)?]);
    }
    if let Some(id) = wanted.event_type_id {
        list = list.event_type(id);
    }
    if let Some(from) = &wanted.from {
        list = list.start_after(time("from", from)?);
    }
    if let Some(to) = &wanted.to {
        list = list.end_before(time("to", to)?);
    }
    let page = list.await?;
    Ok(Json(Page {
        items: page.items.iter().map(Into::into).collect(),
        next_cursor: page.next.map(|skip| skip.to_string()),
    }))
}

/// Reads a booking, or all of a series, as Cal.com has it.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/bookings/{uid}",
    operation_id = "read_booking",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ("uid" = String, Path, description = "The booking's uid")),
    security(("operator" = [])),
    responses(
        (status = 200, body = Bookings),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn read(
    tenant: Tenant,
    State(app): State<App>,
    Path(InPath { uid }): Path<InPath>,
) -> ApiResult<Json<Bookings>> {
    Ok(Json(client(&app, tenant.id()).await?.bookings().get(uid).await?.into()))
}

/// Where a booking is moved to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// When it begins then (RFC 3339).
    start: String,
    /// Why; the attendees read it.
    reason: Option<String>,
}

/// Moves a booking. The answer is a new one with a new uid.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/bookings/{uid}/reschedule",
    operation_id = "reschedule_booking",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ("uid" = String, Path, description = "The booking's uid")),
    request_body = Move,
    security(("operator" = [])),
    responses(
        (status = 200, body = Bookings),
        (status = 409, description = "`slot_taken`, `conflict` or `reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn reschedule(
    tenant: Tenant,
    State(app): State<App>,
    Path(InPath { uid }): Path<InPath>,
    extract::Json(wish): extract::Json<Move>,
) -> ApiResult<Json<Bookings>> {
    let mut request = client(&app, tenant.id()).await?.bookings().reschedule(uid, time("start", &wish.start)?);
    if let Some(reason) = wish.reason {
        request = request.reason(reason);
    }
    let moved = request.await?;
    Ok(Json(Bookings { bookings: vec![(&moved).into()] }))
}

/// How a booking is cancelled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Why; the attendees read it.
    reason: Option<String>,
}

/// Cancels a booking.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/bookings/{uid}/cancel",
    operation_id = "cancel_booking",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ("uid" = String, Path, description = "The booking's uid")),
    request_body = Cancel,
    security(("operator" = [])),
    responses(
        (status = 200, body = Bookings),
        (status = 409, description = "`conflict` (it is cancelled already) or `reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn cancel(
    tenant: Tenant,
    State(app): State<App>,
    Path(InPath { uid }): Path<InPath>,
    extract::Json(wish): extract::Json<Cancel>,
) -> ApiResult<Json<Bookings>> {
    let mut request = client(&app, tenant.id()).await?.bookings().cancel(uid);
    if let Some(reason) = wish.reason {
        request = request.reason(reason);
    }
    Ok(Json(request.await?.into()))
}

/// The organization's client. Without a connection its calls are answered with 409 `reconnect_required`.
pub(super) async fn client(app: &App, organization: &OrganizationId) -> ApiResult<CalcomClient> {
    Ok(app.calcom.client(organization).await?)
}

fn status_filter(text: &str) -> ApiResult<StatusFilter> {
    match StatusFilter::from(text) {
        StatusFilter::Other(_) => Err(invalid_query("`status` is upcoming, recurring, past, cancelled or unconfirmed")),
        known => Ok(known),
    }
}

/// A time of a body or query.
pub(crate) fn time(name: &str, text: &str) -> ApiResult<Timestamp> {
    // A `+` that was not escaped in a query arrives as a blank.
    text.replace(' ', "+").parse().map_err(|error| Problem::invalid(format!("`{name}`: {error}")))
}
