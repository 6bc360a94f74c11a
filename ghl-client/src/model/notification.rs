use super::{CalendarNotificationId, TemplateId};

sidecar_core::open_enum! {
    /// The recipient of a notification.
    pub enum NotificationReceiver {
        /// The contact.
        Contact = "contact",
        /// The contact's guests.
        Guest = "guest",
        /// The user who is to come.
        AssignedUser = "assignedUser",
        /// Further e-mail addresses.
        Emails = "emails",
        /// Further phone numbers.
        PhoneNumbers = "phoneNumbers",
        /// The business.
        Business = "business",
    }
}

sidecar_core::open_enum! {
    /// The channel of a notification.
    pub enum NotificationChannel {
        /// By e-mail.
        Email = "email",
        /// Within the provider's app.
        InApp = "inApp",
        /// By text message.
        Sms = "sms",
        /// By WhatsApp.
        WhatsApp = "whatsapp",
    }
}

sidecar_core::open_enum! {
    /// The occasion of a notification.
    pub enum NotificationKind {
        /// It was booked.
        Booked = "booked",
        /// It was confirmed.
        Confirmation = "confirmation",
        /// It was cancelled.
        Cancellation = "cancellation",
        /// It is near.
        Reminder = "reminder",
        /// It has been.
        FollowUp = "followup",
        /// It was put off.
        Reschedule = "reschedule",
    }
}

sidecar_core::model! {
    /// A notification rule of a calendar: recipients, channel and occasion.
    pub struct CalendarNotification {
        /// Its id.
        "_id" id: CalendarNotificationId,
        /// The recipients.
        "receiverType" receiver: Option<NotificationReceiver>,
        /// How.
        "channel" channel: Option<NotificationChannel>,
        /// The occasion.
        "notificationType" kind: Option<NotificationKind>,
        /// Whether it is in force.
        "isActive" is_active: Option<bool>,
        /// Whether it is deleted.
        "deleted" deleted: Option<bool>,
        /// The e-mail's template.
        "templateId" template_id: Option<TemplateId>,
        /// The text.
        "body" body: Option<String>,
        /// The e-mail's subject.
        "subject" subject: Option<String>,
        /// How long after the appointment, for a follow-up.
        "afterTime" after: Option<Vec<NotificationTime>>,
        /// How long before the appointment, for a reminder.
        "beforeTime" before: Option<Vec<NotificationTime>>,
        /// The further e-mail addresses.
        "additionalEmailIds" emails: Option<Vec<String>>,
        /// The further phone numbers.
        "additionalPhoneNumbers" phone_numbers: Option<Vec<String>>,
        /// The further WhatsApp numbers.
        "additionalWhatsappNumbers" whatsapp_numbers: Option<Vec<String>>,
        /// The users who are notified; `sub_account_admin` means the administrators of the location.
        "selectedUsers" users: Option<Vec<String>>,
    }
}

sidecar_core::model! {
    /// A distance from an appointment.
    pub struct NotificationTime {
        /// How many of the unit.
        "timeOffset" offset: Option<f64>,
        /// The unit, such as `hours`.
        "unit" unit: Option<String>,
    }
}

impl NotificationTime {
    /// So many hours from the appointment.
    pub fn hours(hours: u32) -> Self {
        Self { offset: Some(hours.into()), unit: Some("hours".to_owned()), extra: Default::default() }
    }
}
