use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sidecar_core::Timestamp;

/// A time as the provider sent it: RFC 3339 with any offset. In slots the offset is that of the requested time zone.
///
/// ```
/// use calcom_client::model::WireTime;
/// let time: WireTime = serde_json::from_str(r#""2026-12-01T09:00:00.000+01:00""#)?;
/// assert_eq!(time.timestamp(), Some("2026-12-01T08:00:00Z".parse()?));
/// let odd: WireTime = serde_json::from_str(r#""next Tuesday""#)?;
/// assert_eq!((odd.timestamp(), odd.as_str()), (None, "next Tuesday"));
/// // A time for a request:
/// let start: WireTime = "2026-12-01T09:00:00+01:00".parse::<calcom_client::Timestamp>()?.into();
/// assert_eq!(start.as_str(), "2026-12-01T08:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WireTime(Arc<str>);

impl WireTime {
    /// Returns the instant; `None` if the format is unknown.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.0.trim().parse().ok()
    }

    /// Returns the text as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In UTC, because the provider rejects requests with an offset. To the millisecond, the precision of the provider's times.
impl From<Timestamp> for WireTime {
    fn from(time: Timestamp) -> Self {
        Self(Timestamp::from_millis(time.as_millis()).to_string().into())
    }
}

impl fmt::Display for WireTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
