use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::Value;
use sidecar_core::model::Unknown;

use super::{CalcomOrganizationId, OooId, ScheduleId, TeamId, UserId, WireTime};

sidecar_core::model! {
    /// The authenticated user.
    pub struct User {
        /// Id.
        "id" id: UserId,
        /// User name.
        "username" username: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Name.
        "name" name: Option<String>,
        /// URL of the picture.
        "avatarUrl" avatar_url: Option<String>,
        /// Biography.
        "bio" bio: Option<String>,
        /// Hours of the clock: 12 or 24.
        "timeFormat" time_format: Option<i64>,
        /// The default schedule of event types without a schedule.
        "defaultScheduleId" default_schedule_id: Option<ScheduleId>,
        /// First day of the week, such as `Monday`.
        "weekStart" week_start: Option<String>,
        /// IANA time zone.
        "timeZone" time_zone: Option<String>,
        /// Language.
        "locale" locale: Option<String>,
        /// Organization id.
        "organizationId" organization_id: Option<CalcomOrganizationId>,
        /// Organization.
        "organization" organization: Option<OrganizationRef>,
    }
}

sidecar_core::model! {
    /// The organization of a user.
    pub struct OrganizationRef {
        /// Id.
        "id" id: Option<CalcomOrganizationId>,
        /// Whether it is a platform organization.
        "isPlatform" is_platform: Option<bool>,
    }
}

sidecar_core::open_enum! {
    /// The reason of an out-of-office entry.
    pub enum OooReason {
        /// Not specified.
        Unspecified = "unspecified",
        /// Vacation.
        Vacation = "vacation",
        /// Travel.
        Travel = "travel",
        /// Sick leave.
        Sick = "sick",
        /// Public holiday.
        PublicHoliday = "public_holiday",
    }
}

sidecar_core::model! {
    /// An out-of-office entry: whole days in UTC in which the user cannot be booked.
    pub struct OooEntry {
        /// Id.
        "id" id: OooId,
        /// UUID.
        "uuid" uuid: Option<String>,
        /// The absent user.
        "userId" user_id: Option<UserId>,
        /// The user who is booked instead.
        "toUserId" to_user_id: Option<UserId>,
        /// Start of the first day, in UTC.
        "start" start: Option<WireTime>,
        /// End of the last day, in UTC.
        "end" end: Option<WireTime>,
        /// Notes.
        "notes" notes: Option<String>,
        /// Reason.
        "reason" reason: Option<OooReason>,
    }
}

sidecar_core::model! {
    /// A team.
    pub struct Team {
        /// Id.
        "id" id: TeamId,
        /// The organization, for a team of one.
        "parentId" parent_id: Option<CalcomOrganizationId>,
        /// Name.
        "name" name: Option<String>,
        /// Slug in booking URLs.
        "slug" slug: Option<String>,
        /// URL of the logo.
        "logoUrl" logo_url: Option<String>,
        /// Logo in meetings.
        "calVideoLogo" cal_video_logo: Option<String>,
        /// Logo of its pages.
        "appLogo" app_logo: Option<String>,
        /// Icon of its pages.
        "appIconLogo" app_icon_logo: Option<String>,
        /// Banner of its pages.
        "bannerUrl" banner_url: Option<String>,
        /// Theme of its pages.
        "theme" theme: Option<String>,
        /// Colour of its pages.
        "brandColor" brand_color: Option<String>,
        /// Colour of its pages in dark themes.
        "darkBrandColor" dark_brand_color: Option<String>,
        /// Description.
        "bio" bio: Option<String>,
        /// Whether Cal.com's branding is hidden.
        "hideBranding" hide_branding: Option<bool>,
        /// Whether it is an organization.
        "isOrganization" is_organization: Option<bool>,
        /// Whether its members are hidden.
        "isPrivate" is_private: Option<bool>,
        /// Whether the option to book a single member is hidden.
        "hideBookATeamMember" hide_book_a_team_member: Option<bool>,
        /// Hours of the clock: 12 or 24.
        "timeFormat" time_format: Option<i64>,
        /// IANA time zone.
        "timeZone" time_zone: Option<String>,
        /// First day of the week, such as `Monday`.
        "weekStart" week_start: Option<String>,
        /// The caller's own values.
        "metadata" metadata: Option<serde_json::Map<String, serde_json::Value>>,
    }
}

sidecar_core::model! {
    /// A team that Cal.com creates after payment.
    pub struct PendingTeam {
        /// Message to the user.
        "message" message: Option<String>,
        /// URL of the payment page.
        "paymentLink" payment_link: Option<String>,
        /// The team that will be created.
        "pendingTeam" team: Option<Team>,
    }
}

/// The result of creating a team: it exists, or it must be paid for first.
#[derive(Debug, Clone, PartialEq)]
pub enum TeamMade {
    /// The team exists.
    Team(Box<Team>),
    /// The team must be paid for first.
    Pending(Box<PendingTeam>),
}

impl TeamMade {
    /// Returns the team; `None` if it must be paid for first.
    pub fn team(&self) -> Option<&Team> {
        match self {
            Self::Team(team) => Some(team),
            Self::Pending(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for TeamMade {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Value::deserialize(deserializer)?;
        let pending = ["pendingTeam", "paymentLink"].iter().any(|field| wire.get(field).is_some());
        let parsed = if pending {
            serde_json::from_value(wire).map(Self::Pending)
        } else {
            serde_json::from_value(wire).map(Self::Team)
        };
        parsed.map_err(D::Error::custom)
    }
}

impl Serialize for TeamMade {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Team(team) => team.serialize(serializer),
            Self::Pending(pending) => pending.serialize(serializer),
        }
    }
}

impl Unknown for TeamMade {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        match self {
            Self::Team(team) => team.unknown(path, found),
            Self::Pending(pending) => pending.unknown(path, found),
        }
    }
}
