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
