use http::Method;
use serde_json::json;
use sidecar_core::{Page, Result};

use super::Calendars;
use crate::{
    client::{
        GhlClient, OffsetPaging, Operation, PlainRequest, RequestBuilder, ignore_body, listing, request, setters,
    },
    config::ApiVersion,
    model::{
        CalendarId, CalendarNotification, CalendarNotificationId, LocationId, NotificationChannel, NotificationKind,
        NotificationReceiver, NotificationTime, TemplateId,
    },
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
const ALL: &str = "/calendars/{calendarId}/notifications";
const ONE: &str = "/calendars/{calendarId}/notifications/{notificationId}";
static LIST: Operation = Operation::new("calendars.notifications.list", Method::GET, ALL, VERSION);
static CREATE: Operation = Operation::new("calendars.notifications.create", Method::POST, ALL, VERSION);
static GET: Operation = Operation::new("calendars.notifications.get", Method::GET, ONE, VERSION);
static UPDATE: Operation = Operation::new("calendars.notifications.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("calendars.notifications.delete", Method::DELETE, ONE, VERSION);

/// The notification rules of a calendar. From [`Calendars::notifications`].
#[derive(Debug, Clone)]
pub struct Notifications {
    client: GhlClient,
    location: LocationId,
    calendar: CalendarId,
}

request! {
    /// Lists a calendar's rules; 100 in a page unless set otherwise. From [`Notifications::list`].
    pub struct ListNotifications { paging: OffsetPaging } => Page<CalendarNotification, u64>
}
listing!(ListNotifications => CalendarNotification, skip, |rule| Some(rule.id.to_string()));
setters! { query of ListNotifications; {
    /// Only those that are in force (`true`) or are not.
    "isActive" is_active: bool,
    /// Only those that are deleted (`true`) or are not.
    "deleted" deleted: bool,
}}
request! {
    /// Creates a rule. From [`Notifications::create`].
    pub struct CreateNotification => CalendarNotification
}
request! {
    /// Changes a rule. From [`Notifications::update`].
    pub struct UpdateNotification => ()
}
setters! { body of CreateNotification, UpdateNotification; {
    /// Whether it is in force; it is unless set otherwise.
    "isActive" is_active: bool,
    /// The e-mail's template.
    "templateId" template: into TemplateId,
    /// The text.
    "body" body: into String,
    /// The e-mail's subject.
    "subject" subject: into String,
    /// Further e-mail addresses, with [`NotificationReceiver::Emails`].
    "additionalEmailIds" emails: each String,
    /// Further phone numbers, with [`NotificationReceiver::PhoneNumbers`].
    "additionalPhoneNumbers" phone_numbers: each String,
    /// The users who are notified; `sub_account_admin` means the administrators of the location.
    "selectedUsers" users: each String,
    /// From which address e-mails come.
    "fromAddress" from_address: into String,
    /// From whom they come.
    "fromName" from_name: into String,
    /// From which number text messages come.
    "fromNumber" from_number: into String,
}}
setters! { body of UpdateNotification; {
    /// The recipients.
    "receiverType" receiver: NotificationReceiver,
    /// How.
    "channel" channel: NotificationChannel,
    /// The occasion.
    "notificationType" kind: NotificationKind,
    /// Whether it is deleted.
    "deleted" deleted: bool,
}}

impl Calendars {
    /// The notification rules of a calendar.
    pub fn notifications(&self, location: impl Into<LocationId>, calendar: impl Into<CalendarId>) -> Notifications {
        Notifications { client: self.0.clone(), location: location.into(), calendar: calendar.into() }
    }
}

impl Notifications {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.calendar)
    }

    /// Lists the rules, a page when awaited.
    pub fn list(&self) -> ListNotifications {
        ListNotifications { builder: self.builder(&LIST), paging: OffsetPaging::new(100, u32::MAX) }
    }

    /// Creates a rule from its recipients, channel and occasion.
    pub fn create(
        &self,
        receiver: impl Into<NotificationReceiver>,
        channel: impl Into<NotificationChannel>,
        kind: impl Into<NotificationKind>,
    ) -> CreateNotification {
        let builder = self.builder(&CREATE).in_array().set("receiverType", json!(receiver.into()));
        let builder = builder.set("channel", json!(channel.into()));
        CreateNotification { builder: builder.set("notificationType", json!(kind.into())) }
    }

    /// Reads one.
    pub fn get(&self, id: impl Into<CalendarNotificationId>) -> PlainRequest<CalendarNotification> {
        self.builder(&GET).argument(id.into()).plain(|answer| answer.json())
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<CalendarNotificationId>) -> UpdateNotification {
        UpdateNotification { builder: self.builder(&UPDATE).argument(id.into()).with_body() }
    }

    /// Deletes one.
    pub fn delete(&self, id: impl Into<CalendarNotificationId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(id.into()).plain(ignore_body)
    }
}

/// Gives requests the times of reminders and follow-ups.
macro_rules! times {
    ($($name:ident),+) => {
        $(impl $name {
            /// How long after the appointment a follow-up is sent.
            pub fn after(mut self, times: impl IntoIterator<Item = NotificationTime>) -> Self {
                self.builder = self.builder.set("afterTime", json!(times.into_iter().collect::<Vec<_>>()));
                self
            }

            /// How long before the appointment a reminder is sent.
            pub fn before(mut self, times: impl IntoIterator<Item = NotificationTime>) -> Self {
                self.builder = self.builder.set("beforeTime", json!(times.into_iter().collect::<Vec<_>>()));
                self
            }
        })+
    };
}
times!(CreateNotification, UpdateNotification);

impl ListNotifications {
    async fn send(self) -> Result<Page<CalendarNotification, u64>> {
        let rules = self.paging.query(self.builder, "skip").json().await?;
        Ok(self.paging.page(rules, None))
    }
}

impl CreateNotification {
    async fn send(self) -> Result<CalendarNotification> {
        let [rule] = self.builder.json::<[CalendarNotification; 1]>().await?;
        Ok(rule)
    }
}

impl UpdateNotification {
    async fn send(self) -> Result<()> {
        self.builder.send().await.map(drop)
    }
}
