//! Constants of the provider: URLs, versions, limits and scopes, with the pages that document them.

use std::time::Duration;

use sidecar_core::{Error, ErrorKind, Result};

/// The base URL of the global cloud's API (<https://cal.com/docs/api-reference/v2/introduction>). Paths start with `/v2`.
pub const BASE_URL: &str = "https://api.cal.com";

/// The base URL of the European cloud's API, which has separate accounts and keys.
pub const EU_BASE_URL: &str = "https://api.cal.eu";

/// The URL of the global cloud's app, in which users authorize connections (<https://cal.com/docs/api-reference/v2/oauth>).
pub const APP_URL: &str = "https://app.cal.com";

/// The URL of the European cloud's app.
pub const EU_APP_URL: &str = "https://app.cal.eu";

/// The calls that an API key, or an IP address without one, may make in [`LIMIT_SPAN`]
/// (<https://cal.com/docs/api-reference/v2/introduction>). Accounts that exceed it often are locked until support unlocks them.
pub const KEY_LIMIT: u32 = 120;

/// The calls that an OAuth access token may make in [`LIMIT_SPAN`] (same page).
pub const OAUTH_LIMIT: u32 = 500;

/// The window of both limits.
pub const LIMIT_SPAN: Duration = Duration::from_secs(60);

/// The wait after a 429 that does not report one.
pub const DEFAULT_RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// The lifetime of an OAuth access token if the response does not report it (<https://cal.com/docs/api-reference/v2/oauth>).
pub const ACCESS_TOKEN_TTL: Duration = Duration::from_secs(1_800);

/// The maximum number of keys of a booking's metadata (<https://cal.com/docs/api-reference/v2/bookings/create-a-booking>).
pub const MAX_METADATA_KEYS: usize = 50;

/// The maximum length of a metadata key (same page).
pub const MAX_METADATA_KEY_CHARS: usize = 40;

/// The maximum length of a metadata value (same page).
pub const MAX_METADATA_VALUE_CHARS: usize = 500;

/// The maximum number of guests that one call adds to a booking; 30 in total
/// (<https://cal.com/docs/api-reference/v2/bookings-guests/add-guests-to-an-existing-booking>).
pub const MAX_GUESTS_PER_CALL: usize = 10;

/// The OAuth scopes that reading and writing bookings, event types, schedules, calendars and webhooks need
/// (<https://cal.com/docs/api-reference/v2/oauth>).
pub const SCOPES: &[&str] = &[
    "BOOKING_READ",
    "BOOKING_WRITE",
    "EVENT_TYPE_READ",
    "EVENT_TYPE_WRITE",
    "SCHEDULE_READ",
    "SCHEDULE_WRITE",
    "APPS_READ",
    "APPS_WRITE",
    "PROFILE_READ",
    "WEBHOOK_WRITE",
];

/// A cloud of Cal.com.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Region {
    /// `cal.com`.
    #[default]
    Global,
    /// `cal.eu`.
    Eu,
}

impl Region {
    /// Returns the cloud with this base URL, which has no version ([`without_version`]); `None` for a self-hosted instance.
    pub fn at(base: &str) -> Option<Self> {
        [Self::Global, Self::Eu].into_iter().find(|region| region.base_url() == base)
    }

    /// Returns the base URL of its API.
    pub const fn base_url(self) -> &'static str {
        match self {
            Self::Global => BASE_URL,
            Self::Eu => EU_BASE_URL,
        }
    }

    /// Returns the URL of its app.
    pub const fn app_url(self) -> &'static str {
        match self {
            Self::Global => APP_URL,
            Self::Eu => EU_APP_URL,
        }
    }
}

/// Which API is called. They share paths; the cloud's is larger and its bookings have a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// The cloud of Cal.com.
    #[default]
    Cloud,
    /// A self-hosted community edition: without out-of-office entries, teams and organizations.
    SelfHosted,
}

sidecar_core::open_enum! {
    /// A value of the `cal-api-version` header. Without it the provider uses the oldest version, which has other schemas; a version
    /// that the group does not have responds 404.
    pub enum ApiVersion {
        /// The version without the header.
        V2024_04_15 = "2024-04-15",
        /// Schedules.
        V2024_06_11 = "2024-06-11",
        /// Event types.
        V2024_06_14 = "2024-06-14",
        /// Bookings of both profiles.
        V2024_08_13 = "2024-08-13",
        /// Slots.
        V2024_09_04 = "2024-09-04",
        /// Bookings of the cloud only.
        V2026_02_25 = "2026-02-25",
    }
}

/// The versions of the groups of endpoints that have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersions {
    /// Bookings.
    pub bookings: ApiVersion,
    /// A booking's location, attendees and guests, which have versions of their own.
    pub booking_parts: ApiVersion,
    /// Event types without their webhooks.
    pub event_types: ApiVersion,
    /// Schedules.
    pub schedules: ApiVersion,
    /// Slots and reservations.
    pub slots: ApiVersion,
}

impl ApiVersions {
    /// Returns the current versions of a profile (<https://cal.com/docs/api-reference/v2/introduction>, and each operation's page).
    pub const fn of(profile: Profile) -> Self {
        Self {
            bookings: match profile {
                Profile::Cloud => ApiVersion::V2026_02_25,
                Profile::SelfHosted => ApiVersion::V2024_08_13,
            },
            booking_parts: ApiVersion::V2024_08_13,
            event_types: ApiVersion::V2024_06_14,
            schedules: ApiVersion::V2024_06_11,
            slots: ApiVersion::V2024_09_04,
        }
    }
}

/// Returns the base URL without a trailing `/v2`, with which the paths start.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a URL of API v1, which was shut down.
pub fn without_version(url: &str) -> Result<&str> {
    let url = url.trim_end_matches('/');
    if url.ends_with("/v1") {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "`{url}` is Cal.com's API v1, which was shut down on 2026-04-08: \
                 use {BASE_URL} (or the API of your own instance), and an API key in the `Authorization` header instead of `?apiKey=`"
            ),
        ));
    }
    Ok(url.strip_suffix("/v2").unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_end_in_v2_but_not_in_v1() {
        for url in ["https://api.cal.com", "https://api.cal.com/", "https://api.cal.com/v2", "https://api.cal.com/v2/"]
        {
            assert_eq!(without_version(url).unwrap(), BASE_URL);
        }
        let error = without_version("https://api.cal.com/v1/").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("2026-04-08") && error.message().contains(BASE_URL), "{error}");
    }
}
