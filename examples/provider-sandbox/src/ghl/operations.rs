//! The table of served operations: method, path, scope, token kind and API version.

/// The tokens that an operation accepts (the security schemes of the specification).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// None, without version and rate limits: the OAuth endpoints.
    Open,
    /// OAuth and private integration tokens of a location.
    Location,
    /// OAuth and private integration tokens of a company or location.
    Either,
    /// OAuth tokens of a company.
    AgencyOnly,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// `METHOD /template`, also the key of its counter.
    pub(crate) name: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) access: Access,
    pub(crate) version: &'static str,
}

const NO_VERSION: &str = "";
const V2021_07: &str = "2021-07-28";
const V2021_04: &str = "2021-04-15";
/// The version that every operation accepts (the official SDK always sends it).
pub(crate) const VERSION_FOR_ALL: &str = "2023-02-21";

use Access::{AgencyOnly, Either, Location, Open};

macro_rules! operations {
    ($($constant:ident $name:literal $scope:literal $access:ident $version:ident,)*) => {
        $(pub(crate) static $constant: Operation =
            Operation { name: $name, scope: $scope, access: $access, version: $version };)*
    };
}

operations! {
    CHOOSE_LOCATION "GET /oauth/chooselocation" "" Open NO_VERSION,
    TOKEN "POST /oauth/token" "" Open NO_VERSION,
    RECONNECT "POST /oauth/reconnect" "" Open NO_VERSION,
    LOCATION_TOKEN "POST /oauth/locationToken" "oauth.write" AgencyOnly V2021_07,
    INSTALLED_LOCATIONS "GET /oauth/installedLocations" "oauth.readonly" AgencyOnly V2021_07,

    SEARCH_CONTACTS "POST /contacts/search" "contacts.readonly" Location V2021_07,
    DUPLICATE_CONTACT "GET /contacts/search/duplicate" "contacts.readonly" Location V2021_07,
    LIST_CONTACTS "GET /contacts/" "contacts.readonly" Location V2021_07,
    CREATE_CONTACT "POST /contacts/" "contacts.write" Location V2021_07,
    UPSERT_CONTACT "POST /contacts/upsert" "contacts.write" Location V2021_07,
    GET_CONTACT "GET /contacts/{contactId}" "contacts.readonly" Location V2021_07,
    UPDATE_CONTACT "PUT /contacts/{contactId}" "contacts.write" Location V2021_07,
    DELETE_CONTACT "DELETE /contacts/{contactId}" "contacts.write" Location V2021_07,
    ADD_TAGS "POST /contacts/{contactId}/tags" "contacts.write" Location V2021_07,
    REMOVE_TAGS "DELETE /contacts/{contactId}/tags" "contacts.write" Location V2021_07,
    CONTACT_APPOINTMENTS "GET /contacts/{contactId}/appointments" "contacts.readonly" Location V2021_07,

    SEARCH_LOCATIONS "GET /locations/search" "locations.readonly" Either V2021_07,
    GET_LOCATION "GET /locations/{locationId}" "locations.readonly" Either V2021_07,
    CUSTOM_FIELDS "GET /locations/{locationId}/customFields" "locations/customFields.readonly" Location V2021_07,
    LOCATION_TAGS "GET /locations/{locationId}/tags" "locations/tags.readonly" Location V2021_07,

    CALENDARS "GET /calendars/" "calendars.readonly" Location V2021_04,
    GET_CALENDAR "GET /calendars/{calendarId}" "calendars.readonly" Location V2021_04,
    FREE_SLOTS "GET /calendars/{calendarId}/free-slots" "calendars.readonly" Location V2021_04,
    EVENTS "GET /calendars/events" "calendars/events.readonly" Location V2021_04,
    BLOCKED_SLOTS "GET /calendars/blocked-slots" "calendars/events.readonly" Location V2021_04,
    CREATE_APPOINTMENT "POST /calendars/events/appointments" "calendars/events.write" Location V2021_04,
    GET_APPOINTMENT "GET /calendars/events/appointments/{eventId}" "calendars/events.readonly" Location V2021_04,
    UPDATE_APPOINTMENT "PUT /calendars/events/appointments/{eventId}" "calendars/events.write" Location V2021_04,
    CREATE_BLOCK "POST /calendars/events/block-slots" "calendars/events.write" Location V2021_04,
    DELETE_EVENT "DELETE /calendars/events/{eventId}" "calendars/events.write" Location V2021_04,

    PIPELINES "GET /opportunities/pipelines" "opportunities.readonly" Location V2021_07,
    SEARCH_OPPORTUNITIES "GET /opportunities/search" "opportunities.readonly" Location V2021_07,
    CREATE_OPPORTUNITY "POST /opportunities/" "opportunities.write" Location V2021_07,
    GET_OPPORTUNITY "GET /opportunities/{id}" "opportunities.readonly" Location V2021_07,
    UPDATE_OPPORTUNITY "PUT /opportunities/{id}" "opportunities.write" Location V2021_07,
    DELETE_OPPORTUNITY "DELETE /opportunities/{id}" "opportunities.write" Location V2021_07,
    OPPORTUNITY_STATUS "PUT /opportunities/{id}/status" "opportunities.write" Location V2021_07,
}
