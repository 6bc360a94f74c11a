//! Constants of the provider: URLs, versions, limits and scopes, with the pages that document them.

use std::time::Duration;

/// The base URL of the API (in every published specification).
pub const BASE_URL: &str = "https://services.leadconnectorhq.com";

/// The page on which a user chooses what to connect, for apps under the provider's own brand. The path has `/v2/` since 2026-05-27
/// (<https://marketplace.gohighlevel.com/docs/Authorization/OAuth2.0>).
pub const AUTHORIZE_URL: &str = "https://marketplace.gohighlevel.com/v2/oauth/chooselocation";

/// The same for white-label apps. The wrong one of the two responds "No integration found with the ID".
pub const WHITE_LABEL_AUTHORIZE_URL: &str = "https://marketplace.leadconnectorhq.com/v2/oauth/chooselocation";

/// The calls that an app may make in [`BURST_SPAN`] for one location or company
/// (<https://marketplace.gohighlevel.com/docs/oauth/rate-limits>).
pub const BURST_LIMIT: u32 = 100;

/// The window of [`BURST_LIMIT`].
pub const BURST_SPAN: Duration = Duration::from_secs(10);

/// The calls that an app may make in a day for one location or company (same page).
pub const DAY_LIMIT: u32 = 200_000;

/// The window of [`DAY_LIMIT`].
pub const DAY: Duration = Duration::from_secs(86_400);

/// The longest wait after a burst limit that is taken from `X-RateLimit-Interval-Milliseconds`.
pub const MAX_BURST_WAIT: Duration = Duration::from_secs(30);

/// The scopes that contacts, locations, calendars, appointments and opportunities need, and those that an agency's app
/// needs to mint tokens for its locations. Without `calendars/events.*` requests for events respond 401
/// (<https://marketplace.gohighlevel.com/docs/Authorization/Scopes>).
pub const SCOPES: &[&str] = &[
    "contacts.readonly",
    "contacts.write",
    "calendars.readonly",
    "calendars.write",
    "calendars/events.readonly",
    "calendars/events.write",
    "locations.readonly",
    "locations/customFields.readonly",
    "opportunities.readonly",
    "oauth.readonly",
    "oauth.write",
];

sidecar_core::open_enum! {
    /// A value of the `Version` header. Each endpoint family has its own published version, which is sent unless another one
    /// is set ([`GhlClientBuilder::version`](crate::GhlClientBuilder::version), or a request's own `version`).
    pub enum ApiVersion {
        /// Calendars, conversations and the newer AI families.
        V2021_04_15 = "2021-04-15",
        /// Everything else.
        V2021_07_28 = "2021-07-28",
        /// Sent by the provider's own SDK for all families.
        V2023_02_21 = "2023-02-21",
        /// Available since 2026-06-11; lacks some operations.
        V3 = "v3",
    }
}
