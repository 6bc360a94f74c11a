//! Free times, read directly from Cal.com.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bookings::client;
use crate::{
    app::App,
    http::{ApiResult, Problem, extract::Query, responses::ProviderProblems},
    tenancy::Tenant,
};

/// The query of a listing of free times.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AvailabilityQuery {
    /// The event type.
    event_type_id: i64,
    /// The first date, in the time zone.
    #[param(example = "2026-12-01")]
    start_date: String,
    /// The last date, in the time zone.
    #[param(example = "2026-12-05")]
    end_date: String,
    /// The IANA time zone; `UTC` by default.
    #[param(example = "Europe/Berlin")]
    time_zone: Option<String>,
}

/// A free time.
#[derive(Debug, Serialize, ToSchema)]
pub struct FreeTime {
    /// The start, in the time zone.
    #[schema(example = "2026-12-01T09:00:00.000+01:00")]
    start: String,
    /// The end.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
}

/// Free times by date.
#[derive(Debug, Serialize, ToSchema)]
pub struct Availability {
    /// By date; dates without free times are omitted.
    slots: BTreeMap<String, Vec<FreeTime>>,
}

/// Lists when an event type can be booked.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/availability",
    operation_id = "list_availability",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), AvailabilityQuery),
    security(("operator" = [])),
    responses(
        (status = 200, body = Availability),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<AvailabilityQuery>,
) -> ApiResult<Json<Availability>> {
    let zone = query.time_zone.as_deref().unwrap_or("UTC");
    let calcom = client(&app, tenant.id()).await?;
    let found = calcom.get_availability(query.event_type_id, &query.start_date, &query.end_date, zone).await?;
    let times = found.0.into_iter().map(|(date, slots)| {
        let slots = slots
            .into_iter()
            .map(|slot| FreeTime { start: slot.start.to_string(), end: slot.end.map(|end| end.to_string()) });
        (date, slots.collect())
    });
    Ok(Json(Availability { slots: times.collect() }))
}
