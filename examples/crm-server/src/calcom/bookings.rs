//! Bookings, created and changed directly at Cal.com, which alone knows who is free.

use axum::{Json, extract::State};
use calcom_client::{
    CalcomClient,
    bookings::{NewAttendee, REFERENCE, Sort, StatusFilter},
    convenience::NewBooking,
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

/// The longest `Idempotency-Key`, in bytes: Cal.com stores 500 characters.
const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// The metadata key that names the organization of a booking.
pub const ORGANIZATION_KEY: &str = "organizationId";

#[derive(Debug, Deserialize)]
pub struct BookingPath {
    uid: String,
}

/// A booking as Cal.com returns it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub struct BookingDocument(Value);

impl From<&Booking> for BookingDocument {
    fn from(booking: &Booking) -> Self {
        Self(json!(booking))
    }
}

/// Bookings that were created or changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bookings {
    /// One booking, or all of a series.
    bookings: Vec<BookingDocument>,
}

impl From<Booked> for Bookings {
    fn from(booked: Booked) -> Self {
        Self { bookings: booked.as_slice().iter().map(Into::into).collect() }
    }
}

/// A request to create a booking.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBookingRequest {
    /// The event type.
    event_type_id: i64,
    /// The start (RFC 3339).
    #[schema(example = "2026-12-01T09:00:00Z")]
    start: String,
    /// The end; by default the length of the event type applies.
    end: Option<String>,
    /// The attendee.
    attendee: AttendeeRequest,
    /// Custom values, stored as strings. `organizationId` is added.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// The attendee of a new booking.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttendeeRequest {
    /// Name.
    name: String,
    /// E-mail address.
    email: String,
    /// Phone number in E.164.
    phone: Option<String>,
    /// The IANA time zone of the mails to the attendee; `UTC` by default.
    time_zone: Option<String>,
}

/// Creates a booking. With an `Idempotency-Key`, a booking that was created with the same key before is returned instead, unless it
/// was cancelled.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/bookings",
    operation_id = "create_booking",
    tag = "bookings",
    params(
        ("org" = String, Path, description = "The organization's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "A unique key of this booking among those of its attendee; 1 to 255 visible characters"),
    ),
    request_body = CreateBookingRequest,
    security(("operator" = [])),
    responses(
        (status = 200, description = "Created before with the same `Idempotency-Key`", body = Bookings),
        (status = 201, body = Bookings),
        (status = 409, description = "`slot_taken` or `reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn create(
    tenant: Tenant,
    State(app): State<App>,
    headers: HeaderMap,
    extract::Json(mut request): extract::Json<CreateBookingRequest>,
) -> ApiResult<(StatusCode, Json<Bookings>)> {
    let start = time("start", &request.start)?;
    let end = request.end.as_deref().map(|end| time("end", end)).transpose()?;
    let reference = idempotency_key(&headers)?;
    let calcom = client(&app, tenant.id()).await?;
    let Some(reference) = reference else {
        let booked = book(&calcom, tenant.id(), request, start, end).await?;
        return Ok((StatusCode::CREATED, Json(booked.into())));
    };
    request.metadata.insert(REFERENCE.to_owned(), json!(reference));
    let email = request.attendee.email.clone();
    let find_existing = async || calcom.bookings().find(&email, &reference).await;
    let found = |booking: &Booking| (StatusCode::OK, Json(Bookings { bookings: vec![booking.into()] }));
    if let Some(booking) = find_existing().await? {
        return Ok(found(&booking));
    }
    match book(&calcom, tenant.id(), request, start, end).await {
        Ok(booked) => Ok((StatusCode::CREATED, Json(booked.into()))),
        Err(error) if error.may_have_taken_effect() => match find_existing().await {
            Ok(Some(booking)) => Ok(found(&booking)),
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn idempotency_key(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len()));
    let invalid = || {
        Problem::invalid(format!(
            "`Idempotency-Key` must have 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters"
        ))
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(invalid)
}

async fn book(
    calcom: &CalcomClient,
    organization: &OrganizationId,
    request: CreateBookingRequest,
    start: Timestamp,
    end: Option<Timestamp>,
) -> sidecar_core::Result<Booked> {
    let CreateBookingRequest { event_type_id, attendee, mut metadata, .. } = request;
    metadata.insert(ORGANIZATION_KEY.to_owned(), json!(organization));
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

/// The query of a listing of bookings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListBookingsQuery {
    /// Only bookings with this status: `upcoming`, `recurring`, `past`, `cancelled` or `unconfirmed`.
    status: Option<String>,
    /// Only bookings of this event type.
    event_type_id: Option<i64>,
    /// Only bookings that start at this time or later (RFC 3339).
    from: Option<String>,
    /// Only bookings that end at this time or earlier (RFC 3339).
    to: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100; 25 by default.
    limit: Option<u32>,
}

/// Lists bookings at Cal.com by their start.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/bookings",
    operation_id = "list_bookings",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ListBookingsQuery),
    security(("operator" = [])),
    responses(
        (status = 200, body = Page<BookingDocument>),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ListBookingsQuery>,
) -> ApiResult<Json<Page<BookingDocument>>> {
    let skip: u64 = query.cursor.as_deref().map(str::parse).transpose().map_err(|_| invalid_cursor())?.unwrap_or(0);
    let mut list = client(&app, tenant.id())
        .await?
        .bookings()
        .list()
        .sort_start(Sort::Asc)
        .skip(skip)
        .page_size(page_size(query.limit)?);
    if let Some(status) = &query.status {
        list = list.status(vec![status_filter(status)?]);
    }
    if let Some(id) = query.event_type_id {
        list = list.event_type(id);
    }
    if let Some(from) = &query.from {
        list = list.start_after(time("from", from)?);
    }
    if let Some(to) = &query.to {
        list = list.end_before(time("to", to)?);
    }
    let page = list.await?;
    Ok(Json(Page {
        items: page.items.iter().map(Into::into).collect(),
        next_cursor: page.next.map(|skip| skip.to_string()),
    }))
}

/// Reads a booking, or all of a series, from Cal.com.
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
    Path(BookingPath { uid }): Path<BookingPath>,
) -> ApiResult<Json<Bookings>> {
    Ok(Json(client(&app, tenant.id()).await?.bookings().get(uid).await?.into()))
}

/// A request to reschedule a booking.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleBookingRequest {
    /// The new start (RFC 3339).
    start: String,
    /// The reason, which the attendees see.
    reason: Option<String>,
}

/// Reschedules a booking. Returns the new booking, which has a new uid.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/bookings/{uid}/reschedule",
    operation_id = "reschedule_booking",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ("uid" = String, Path, description = "The booking's uid")),
    request_body = RescheduleBookingRequest,
    security(("operator" = [])),
    responses(
        (status = 200, body = Bookings),
        (status = 409, description = "`slot_taken`, `conflict` or `reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn reschedule(
    tenant: Tenant,
    State(app): State<App>,
    Path(BookingPath { uid }): Path<BookingPath>,
    extract::Json(body): extract::Json<RescheduleBookingRequest>,
) -> ApiResult<Json<Bookings>> {
    let mut request = client(&app, tenant.id()).await?.bookings().reschedule(uid, time("start", &body.start)?);
    if let Some(reason) = body.reason {
        request = request.reason(reason);
    }
    let moved = request.await?;
    Ok(Json(Bookings { bookings: vec![(&moved).into()] }))
}

/// A request to cancel a booking.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBookingRequest {
    /// The reason, which the attendees see.
    reason: Option<String>,
}

/// Cancels a booking.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/bookings/{uid}/cancel",
    operation_id = "cancel_booking",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ("uid" = String, Path, description = "The booking's uid")),
    request_body = CancelBookingRequest,
    security(("operator" = [])),
    responses(
        (status = 200, body = Bookings),
        (status = 409, description = "`conflict` (it is cancelled already) or `reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn cancel(
    tenant: Tenant,
    State(app): State<App>,
    Path(BookingPath { uid }): Path<BookingPath>,
    extract::Json(body): extract::Json<CancelBookingRequest>,
) -> ApiResult<Json<Bookings>> {
    let mut request = client(&app, tenant.id()).await?.bookings().cancel(uid);
    if let Some(reason) = body.reason {
        request = request.reason(reason);
    }
    Ok(Json(request.await?.into()))
}

/// Returns the organization's client. Without a connection its calls fail with 409 `reconnect_required`.
pub(super) async fn client(app: &App, organization: &OrganizationId) -> ApiResult<CalcomClient> {
    Ok(app.calcom.client(organization).await?)
}

fn status_filter(text: &str) -> ApiResult<StatusFilter> {
    match StatusFilter::from(text) {
        StatusFilter::Other(_) => {
            Err(invalid_query("`status` must be upcoming, recurring, past, cancelled or unconfirmed"))
        }
        known => Ok(known),
    }
}

/// Parses a time of a body or query.
pub(crate) fn time(name: &str, text: &str) -> ApiResult<Timestamp> {
    // An unescaped `+` in a query arrives as a space.
    text.replace(' ', "+").parse().map_err(|error| Problem::invalid(format!("`{name}`: {error}")))
}
