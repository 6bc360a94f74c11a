use serde_json::{Map, Value};

use crate::{
    client::request,
    model::{Team, TeamMade, Weekday},
};

/// Declares a request that writes a team: the fields of its own, then those that creating and changing share.
macro_rules! writes {
    ($(#[$doc:meta])* $name:ident => $output:ty { $($own:tt)* }) => {
        request! {
            $(#[$doc])*
            $name => $output, via data;
            body {
                $($own)*
                /// Its part of booking links.
                "slug" slug: String,
                /// Logo.
                "logoUrl" logo_url: String,
                /// About it.
                "bio" bio: String,
                /// Whether Cal.com's name is left out.
                "hideBranding" hide_branding: bool,
                /// Whether its members are not shown.
                "isPrivate" is_private: bool,
                /// Whether no single member can be booked.
                "hideBookATeamMember" hide_book_a_team_member: bool,
                /// Hours of the day: 12 or 24.
                "timeFormat" time_format: u32,
                /// IANA time zone.
                "timeZone" time_zone: String,
                /// First day of the week.
                "weekStart" week_start: Weekday,
                /// Values of one's own.
                "metadata" metadata: Map<String, Value>,
            }
        }

        impl $name {
            /// Sets a field that has no setter here, by its wire name, such as `brandColor`
            /// (<https://cal.com/docs/api-reference/v2/teams/create-a-team>).
            pub fn set(self, wire_name: &str, value: impl Into<Value>) -> Self {
                Self(self.0.set(wire_name, value.into()))
            }
        }
    };
}

writes! {
    /// Makes a team. From [`Teams::create`](super::Teams::create).
    CreateTeam => TeamMade {
        /// Whether whoever makes it is a member at once.
        "autoAcceptCreator" auto_accept_creator: bool,
    }
}

writes! {
    /// Changes a team. From [`Teams::update`](super::Teams::update).
    UpdateTeam => Team {
        /// Name.
        "name" name: String,
    }
}
