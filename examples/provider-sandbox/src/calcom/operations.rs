//! The table of served operations: name, access, OAuth scope and API versions.

/// The credentials that an operation accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// None, and no rate limits: the OAuth endpoints.
    Open,
    /// Optional; the host may do more than an anonymous caller.
    Optional,
    /// An API key or an access token.
    Required,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// `METHOD /template`, also the key of its counter.
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    /// The scope that an OAuth token needs; empty if none is documented.
    pub(crate) scope: &'static str,
    /// The accepted values of `cal-api-version`; empty if the header is ignored.
    pub(crate) versions: &'static [&'static str],
}

use Access::{Open, Optional, Required};

const NONE: &[&str] = &[];
const BOOKINGS: &[&str] = &["2026-02-25", "2024-08-13"];
const EVENT_TYPES: &[&str] = &["2024-06-14"];
const SCHEDULES: &[&str] = &["2024-06-11"];
const SLOTS: &[&str] = &["2024-09-04"];

macro_rules! operations {
    ($($constant:ident $name:literal $access:ident $scope:literal $versions:ident,)*) => {
        $(pub(crate) static $constant: Operation =
            Operation { name: $name, access: $access, scope: $scope, versions: $versions };)*
    };
}

operations! {
    AUTHORIZE "GET /auth/oauth2/authorize" Open "" NONE,
    TOKEN "POST /v2/auth/oauth2/token" Open "" NONE,
    CLIENT "GET /v2/auth/oauth2/clients/{clientId}" Open "" NONE,

    ME "GET /v2/me" Required "PROFILE_READ" NONE,
    UPDATE_ME "PATCH /v2/me" Required "PROFILE_WRITE" NONE,
    LIST_OOO "GET /v2/me/ooo" Required "" NONE,
    CREATE_OOO "POST /v2/me/ooo" Required "" NONE,
    UPDATE_OOO "PATCH /v2/me/ooo/{oooId}" Required "" NONE,
    DELETE_OOO "DELETE /v2/me/ooo/{oooId}" Required "" NONE,

    LIST_EVENT_TYPES "GET /v2/event-types" Optional "EVENT_TYPE_READ" EVENT_TYPES,
    CREATE_EVENT_TYPE "POST /v2/event-types" Required "EVENT_TYPE_WRITE" EVENT_TYPES,
    GET_EVENT_TYPE "GET /v2/event-types/{eventTypeId}" Required "EVENT_TYPE_READ" EVENT_TYPES,
    UPDATE_EVENT_TYPE "PATCH /v2/event-types/{eventTypeId}" Required "EVENT_TYPE_WRITE" EVENT_TYPES,
    DELETE_EVENT_TYPE "DELETE /v2/event-types/{eventTypeId}" Required "EVENT_TYPE_WRITE" EVENT_TYPES,

    LIST_SCHEDULES "GET /v2/schedules" Required "SCHEDULE_READ" SCHEDULES,
    CREATE_SCHEDULE "POST /v2/schedules" Required "SCHEDULE_WRITE" SCHEDULES,
    DEFAULT_SCHEDULE "GET /v2/schedules/default" Required "SCHEDULE_READ" SCHEDULES,
    GET_SCHEDULE "GET /v2/schedules/{scheduleId}" Required "SCHEDULE_READ" SCHEDULES,
    UPDATE_SCHEDULE "PATCH /v2/schedules/{scheduleId}" Required "SCHEDULE_WRITE" SCHEDULES,
    DELETE_SCHEDULE "DELETE /v2/schedules/{scheduleId}" Required "SCHEDULE_WRITE" SCHEDULES,

    SLOTS_FREE "GET /v2/slots" Optional "" SLOTS,
    RESERVE "POST /v2/slots/reservations" Optional "" SLOTS,
    GET_RESERVATION "GET /v2/slots/reservations/{uid}" Optional "" SLOTS,
    UPDATE_RESERVATION "PATCH /v2/slots/reservations/{uid}" Optional "" SLOTS,
    DELETE_RESERVATION "DELETE /v2/slots/reservations/{uid}" Optional "" SLOTS,

    CREATE_BOOKING "POST /v2/bookings" Optional "BOOKING_WRITE" BOOKINGS,
    LIST_BOOKINGS "GET /v2/bookings" Required "BOOKING_READ" BOOKINGS,
    GET_BOOKING "GET /v2/bookings/{bookingUid}" Optional "BOOKING_READ" BOOKINGS,
    CANCEL_BOOKING "POST /v2/bookings/{bookingUid}/cancel" Optional "BOOKING_WRITE" BOOKINGS,
    RESCHEDULE_BOOKING "POST /v2/bookings/{bookingUid}/reschedule" Optional "BOOKING_WRITE" BOOKINGS,
    CONFIRM_BOOKING "POST /v2/bookings/{bookingUid}/confirm" Required "BOOKING_WRITE" BOOKINGS,
    DECLINE_BOOKING "POST /v2/bookings/{bookingUid}/decline" Required "BOOKING_WRITE" BOOKINGS,
    MARK_ABSENT "POST /v2/bookings/{bookingUid}/mark-absent" Required "BOOKING_WRITE" BOOKINGS,

    LIST_WEBHOOKS "GET /v2/webhooks" Required "WEBHOOK_WRITE" NONE,
    CREATE_WEBHOOK "POST /v2/webhooks" Required "WEBHOOK_WRITE" NONE,
    GET_WEBHOOK "GET /v2/webhooks/{webhookId}" Required "WEBHOOK_WRITE" NONE,
    UPDATE_WEBHOOK "PATCH /v2/webhooks/{webhookId}" Required "WEBHOOK_WRITE" NONE,
    DELETE_WEBHOOK "DELETE /v2/webhooks/{webhookId}" Required "WEBHOOK_WRITE" NONE,
}
