use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::Value;
use sidecar_core::model::Unknown;

use super::{CalcomOrganizationId, OooId, ScheduleId, TeamId, UserId, WireTime};

sidecar_core::model! {
    /// A user, as the provider tells of the one who asks.
    pub struct User {
        /// Their id.
        "id" id: UserId,
        /// User name.
        "username" username: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Name.
        "name" name: Option<String>,
        /// Picture.
        "avatarUrl" avatar_url: Option<String>,
        /// About them.
        "bio" bio: Option<String>,
        /// 12 or 24.
        "timeFormat" time_format: Option<i64>,
        /// The schedule that event types use unless they name another.
        "defaultScheduleId" default_schedule_id: Option<ScheduleId>,
        /// First day of the week, such as `Monday`.
        "weekStart" week_start: Option<String>,
        /// IANA time zone.
        "timeZone" time_zone: Option<String>,
        /// Language.
        "locale" locale: Option<String>,
        /// The organization they belong to.
        "organizationId" organization_id: Option<CalcomOrganizationId>,
        /// The same with what it is.
        "organization" organization: Option<OrganizationRef>,
    }
}

sidecar_core::model! {
    /// The organization of a user.
    pub struct OrganizationRef {
        /// Its id.
        "id" id: Option<CalcomOrganizationId>,
        /// Whether it is a platform.
        "isPlatform" is_platform: Option<bool>,
    }
}

sidecar_core::open_enum! {
    /// Why somebody is out of office.
    pub enum OooReason {
        /// Nothing said.
        Unspecified = "unspecified",
        /// Vacation.
        Vacation = "vacation",
        /// On a journey.
        Travel = "travel",
        /// Ill.
        Sick = "sick",
        /// A public holiday.
        PublicHoliday = "public_holiday",
    }
}

sidecar_core::model! {
    /// An out-of-office entry: whole days in UTC in which nobody can book the user.
    pub struct OooEntry {
        /// Its id.
        "id" id: OooId,
        /// Its uid.
        "uuid" uuid: Option<String>,
        /// Who is away.
        "userId" user_id: Option<UserId>,
        /// Who is booked instead.
        "toUserId" to_user_id: Option<UserId>,
        /// Midnight of the first day, in UTC.
        "start" start: Option<WireTime>,
        /// The end of the last day, in UTC.
        "end" end: Option<WireTime>,
        /// Notes.
        "notes" notes: Option<String>,
        /// Why.
        "reason" reason: Option<OooReason>,
    }
}

sidecar_core::model! {
    /// A team.
    pub struct Team {
        /// Its id.
        "id" id: TeamId,
        /// Of a team in an organization: the organization.
        "parentId" parent_id: Option<CalcomOrganizationId>,
        /// Name.
        "name" name: Option<String>,
        /// Its part of booking links.
        "slug" slug: Option<String>,
        /// Logo.
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
        /// The same in dark themes.
        "darkBrandColor" dark_brand_color: Option<String>,
        /// About it.
        "bio" bio: Option<String>,
        /// Whether Cal.com's name is left out.
        "hideBranding" hide_branding: Option<bool>,
        /// Whether it is an organization.
        "isOrganization" is_organization: Option<bool>,
        /// Whether its members are not shown.
        "isPrivate" is_private: Option<bool>,
        /// Whether no single member can be booked.
        "hideBookATeamMember" hide_book_a_team_member: Option<bool>,
        /// 12 or 24.
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
    /// A team that has to be paid for before it is there.
    pub struct PendingTeam {
        /// What is missing, in words.
        "message" message: Option<String>,
        /// Where it is paid.
        "paymentLink" payment_link: Option<String>,
        /// The team as it will be.
        "pendingTeam" team: Option<Team>,
    }
}

/// What became of making a team: which of the two depends on whether it costs something.
#[derive(Debug, Clone, PartialEq)]
pub enum TeamMade {
    /// It is there.
    Team(Box<Team>),
    /// It has to be paid for first.
    Pending(Box<PendingTeam>),
}

impl TeamMade {
    /// The team, if it is there.
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
        let read = if pending {
            serde_json::from_value(wire).map(Self::Pending)
        } else {
            serde_json::from_value(wire).map(Self::Team)
        };
        read.map_err(D::Error::custom)
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
