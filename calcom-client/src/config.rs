//! The provider's fixed facts: addresses, versions, limits, scopes, each with the page it comes from.

use std::time::Duration;

use sidecar_core::{Error, ErrorKind, Result};

/// Where the global cloud's API lives (<https://cal.com/docs/api-reference/v2/introduction>). Paths begin with `/v2`.
pub const BASE_URL: &str = "https://api.cal.com";

/// Where the European cloud's API lives. Its accounts and keys are its own.
pub const EU_BASE_URL: &str = "https://api.cal.eu";

/// Where a user of the global cloud agrees to connect (<https://cal.com/docs/api-reference/v2/oauth>).
pub const APP_URL: &str = "https://app.cal.com";

/// The same for the European cloud.
pub const EU_APP_URL: &str = "https://app.cal.eu";

/// Calls that an API key, or an address without one, may make in [`LIMIT_SPAN`]
/// (<https://cal.com/docs/api-reference/v2/introduction>). Whoever breaks it often is locked out until support helps.
pub const KEY_LIMIT: u32 = 120;

/// Calls that an OAuth access token may make in [`LIMIT_SPAN`] (same page).
pub const OAUTH_LIMIT: u32 = 500;

/// See [`KEY_LIMIT`].
pub const LIMIT_SPAN: Duration = Duration::from_secs(60);

/// How long a refused caller is shut out when the answer does not say.
pub const BLOCK: Duration = Duration::from_secs(60);

/// How long an OAuth access token lives when the answer does not say (<https://cal.com/docs/api-reference/v2/oauth>).
pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(1_800);

/// Most keys of a booking's metadata (<https://cal.com/docs/api-reference/v2/bookings/create-a-booking>).
pub const METADATA_KEYS: usize = 50;

/// Most characters of a metadata key (same page).
pub const METADATA_KEY_CHARS: usize = 40;

/// Most characters of a metadata value (same page).
pub const METADATA_VALUE_CHARS: usize = 500;

/// Most guests that one call adds to a booking; 30 may be added in all
/// (<https://cal.com/docs/api-reference/v2/bookings-guests/add-guests-to-an-existing-booking>).
pub const GUESTS_PER_CALL: usize = 10;

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

/// Which of Cal.com's clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Region {
    /// `cal.com`.
    #[default]
    Global,
    /// `cal.eu`.
    Eu,
}

impl Region {
    /// The cloud whose API lives there; `None` of a host of one's own. `base` is without a version ([`without_version`]).
    pub fn at(base: &str) -> Option<Self> {
        [Self::Global, Self::Eu].into_iter().find(|region| region.base_url() == base)
    }

    /// Where its API lives.
    pub const fn base_url(self) -> &'static str {
        match self {
            Self::Global => BASE_URL,
            Self::Eu => EU_BASE_URL,
        }
    }

    /// Where its users sign in.
    pub const fn app_url(self) -> &'static str {
        match self {
            Self::Global => APP_URL,
            Self::Eu => EU_APP_URL,
        }
    }
}

/// Which of the two APIs answers. They share paths; the cloud's is larger and its bookings have a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// Cal.com's own service.
    #[default]
    Cloud,
    /// The community edition on a host of one's own: no out-of-office, teams or organizations.
    SelfHosted,
}

sidecar_core::open_enum! {
    /// A value of the `cal-api-version` header. Without it the provider takes the oldest, whose shapes are others; with one
    /// that the group does not have, it answers 404.
    pub enum ApiVersion {
        /// What is taken without the header.
        V2024_04_15 = "2024-04-15",
        /// Schedules.
        V2024_06_11 = "2024-06-11",
        /// Event types.
        V2024_06_14 = "2024-06-14",
        /// Bookings, of both profiles.
        V2024_08_13 = "2024-08-13",
        /// Slots.
        V2024_09_04 = "2024-09-04",
        /// Bookings, of the cloud only.
        V2026_02_25 = "2026-02-25",
    }
}

/// The version of each group of endpoints; every other group has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersions {
    /// Bookings.
    pub bookings: ApiVersion,
    /// A booking's location, attendees and guests, which are versioned by themselves.
    pub booking_parts: ApiVersion,
    /// Event types; not their webhooks.
    pub event_types: ApiVersion,
    /// Schedules.
    pub schedules: ApiVersion,
    /// Slots and reservations.
    pub slots: ApiVersion,
}

impl ApiVersions {
    /// What a profile has today (<https://cal.com/docs/api-reference/v2/introduction>, and each operation's page).
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

/// The base URL without a trailing `/v2`, which the paths begin with.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a URL of API v1, which is gone.
pub fn without_version(url: &str) -> Result<&str> {
    let url = url.trim_end_matches('/');
    if url.ends_with("/v1") {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "`{url}` is Cal.com's API v1, which was shut down on 2026-04-08: \
                 use {BASE_URL} (or your own host's API), and an API key in the `Authorization` header instead of `?apiKey=`"
            ),
        ));
    }
    Ok(url.strip_suffix("/v2").unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_may_end_in_v2_and_never_in_v1() {
        for url in ["https://api.cal.com", "https://api.cal.com/", "https://api.cal.com/v2", "https://api.cal.com/v2/"]
        {
            assert_eq!(without_version(url).unwrap(), BASE_URL);
        }
        let error = without_version("https://api.cal.com/v1/").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("2026-04-08") && error.message().contains(BASE_URL), "{error}");
    }
}
