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

const fn operation(name: &'static str, scope: &'static str, access: Access, version: &'static str) -> Operation {
    Operation { name, scope, access, version }
}

const V2021_07: &str = "2021-07-28";
const V2021_04: &str = "2021-04-15";
/// The version that every operation accepts (the official SDK always sends it).
pub(crate) const VERSION_FOR_ALL: &str = "2023-02-21";

use Access::{AgencyOnly, Either, Location, Open};

pub(crate) static CHOOSE_LOCATION: Operation = operation("GET /oauth/chooselocation", "", Open, "");
pub(crate) static TOKEN: Operation = operation("POST /oauth/token", "", Open, "");
pub(crate) static RECONNECT: Operation = operation("POST /oauth/reconnect", "", Open, "");
pub(crate) static LOCATION_TOKEN: Operation =
    operation("POST /oauth/locationToken", "oauth.write", AgencyOnly, V2021_07);
pub(crate) static INSTALLED_LOCATIONS: Operation =
    operation("GET /oauth/installedLocations", "oauth.readonly", AgencyOnly, V2021_07);

pub(crate) static SEARCH_CONTACTS: Operation =
    operation("POST /contacts/search", "contacts.readonly", Location, V2021_07);
pub(crate) static DUPLICATE_CONTACT: Operation =
    operation("GET /contacts/search/duplicate", "contacts.readonly", Location, V2021_07);
pub(crate) static LIST_CONTACTS: Operation = operation("GET /contacts/", "contacts.readonly", Location, V2021_07);
pub(crate) static CREATE_CONTACT: Operation = operation("POST /contacts/", "contacts.write", Location, V2021_07);
pub(crate) static UPSERT_CONTACT: Operation = operation("POST /contacts/upsert", "contacts.write", Location, V2021_07);
pub(crate) static GET_CONTACT: Operation =
    operation("GET /contacts/{contactId}", "contacts.readonly", Location, V2021_07);
pub(crate) static UPDATE_CONTACT: Operation =
    operation("PUT /contacts/{contactId}", "contacts.write", Location, V2021_07);
pub(crate) static DELETE_CONTACT: Operation =
    operation("DELETE /contacts/{contactId}", "contacts.write", Location, V2021_07);
pub(crate) static ADD_TAGS: Operation =
    operation("POST /contacts/{contactId}/tags", "contacts.write", Location, V2021_07);
pub(crate) static REMOVE_TAGS: Operation =
    operation("DELETE /contacts/{contactId}/tags", "contacts.write", Location, V2021_07);
pub(crate) static CONTACT_APPOINTMENTS: Operation =
    operation("GET /contacts/{contactId}/appointments", "contacts.readonly", Location, V2021_07);

pub(crate) static SEARCH_LOCATIONS: Operation =
    operation("GET /locations/search", "locations.readonly", Either, V2021_07);
pub(crate) static GET_LOCATION: Operation =
    operation("GET /locations/{locationId}", "locations.readonly", Either, V2021_07);
pub(crate) static CUSTOM_FIELDS: Operation =
    operation("GET /locations/{locationId}/customFields", "locations/customFields.readonly", Location, V2021_07);
pub(crate) static LOCATION_TAGS: Operation =
    operation("GET /locations/{locationId}/tags", "locations/tags.readonly", Location, V2021_07);

pub(crate) static CALENDARS: Operation = operation("GET /calendars/", "calendars.readonly", Location, V2021_04);
pub(crate) static GET_CALENDAR: Operation =
    operation("GET /calendars/{calendarId}", "calendars.readonly", Location, V2021_04);
pub(crate) static FREE_SLOTS: Operation =
    operation("GET /calendars/{calendarId}/free-slots", "calendars.readonly", Location, V2021_04);
pub(crate) static EVENTS: Operation =
    operation("GET /calendars/events", "calendars/events.readonly", Location, V2021_04);
pub(crate) static BLOCKED_SLOTS: Operation =
    operation("GET /calendars/blocked-slots", "calendars/events.readonly", Location, V2021_04);
pub(crate) static CREATE_APPOINTMENT: Operation =
    operation("POST /calendars/events/appointments", "calendars/events.write", Location, V2021_04);
pub(crate) static GET_APPOINTMENT: Operation =
    operation("GET /calendars/events/appointments/{eventId}", "calendars/events.readonly", Location, V2021_04);
pub(crate) static UPDATE_APPOINTMENT: Operation =
    operation("PUT /calendars/events/appointments/{eventId}", "calendars/events.write", Location, V2021_04);
pub(crate) static CREATE_BLOCK: Operation =
    operation("POST /calendars/events/block-slots", "calendars/events.write", Location, V2021_04);
pub(crate) static DELETE_EVENT: Operation =
    operation("DELETE /calendars/events/{eventId}", "calendars/events.write", Location, V2021_04);

pub(crate) static PIPELINES: Operation =
    operation("GET /opportunities/pipelines", "opportunities.readonly", Location, V2021_07);
pub(crate) static SEARCH_OPPORTUNITIES: Operation =
    operation("GET /opportunities/search", "opportunities.readonly", Location, V2021_07);
pub(crate) static CREATE_OPPORTUNITY: Operation =
    operation("POST /opportunities/", "opportunities.write", Location, V2021_07);
pub(crate) static GET_OPPORTUNITY: Operation =
    operation("GET /opportunities/{id}", "opportunities.readonly", Location, V2021_07);
pub(crate) static UPDATE_OPPORTUNITY: Operation =
    operation("PUT /opportunities/{id}", "opportunities.write", Location, V2021_07);
pub(crate) static DELETE_OPPORTUNITY: Operation =
    operation("DELETE /opportunities/{id}", "opportunities.write", Location, V2021_07);
pub(crate) static OPPORTUNITY_STATUS: Operation =
    operation("PUT /opportunities/{id}/status", "opportunities.write", Location, V2021_07);
