//! The models of responses, with the provider's field names.
//!
//! Requests live with their endpoint family. Invariant: a field that the provider adds is kept in `extra`, a null or
//! absent one is `None`, and a time in an unknown format does not fail the page it stands on.

mod appointment;
mod business;
mod calendar;
mod calendar_group;
mod calendar_resource;
mod company;
mod contact;
mod conversation;
mod custom_field;
mod custom_value;
mod id;
mod location;
mod message;
mod message_type;
mod note;
mod notification;
mod object_field;
mod opportunity;
mod recurring_task;
mod resource;
mod schedule;
mod slots;
mod subscription;
mod tag;
mod task;
mod template;
mod time;
mod token_kinds;
mod upload;
mod user;
mod workflow;

pub use appointment::{Appointment, AppointmentStatus};
pub use business::Business;
pub use calendar::{Calendar, CalendarType};
pub use calendar_group::CalendarGroup;
pub use calendar_resource::{CalendarResource, ResourceType};
pub use company::Company;
pub use contact::{Contact, SearchAfter};
pub use conversation::{Conversation, ConversationSort, ConversationStatus};
pub use custom_field::{CustomField, CustomFieldEntry, CustomFieldValue};
pub use custom_value::CustomValue;
pub use id::*;
pub use location::{InstalledLocation, Location};
pub use message::{
    CallStatus, CancelOutcome, EmailMessage, Message, MessageAction, MessageDirection, MessageStatus, RecordedMessage,
    SentMessage, Sentence,
};
pub use message_type::{Channel, ExportChannel, MessageType};
pub use note::Note;
pub use notification::{
    CalendarNotification, NotificationChannel, NotificationKind, NotificationReceiver, NotificationTime,
};
pub use object_field::{FieldDataType, FieldFolder, FieldOption, ObjectField, ObjectFields};
pub use opportunity::{
    LostReason, Opportunity, OpportunityContact, OpportunityField, OpportunityStatus, Pipeline, PipelineStage,
};
pub use recurring_task::{Recurrence, RecurrenceDay, RecurrenceUnit, RecurringTask};
pub(crate) use resource::Resource;
pub use schedule::{Interval, Schedule, ScheduleRule, Weekday};
pub use slots::DaySlots;
pub use subscription::{Subscription, SubscriptionChannel};
pub use tag::Tag;
pub use task::Task;
pub use template::{Template, TemplateKind};
pub use time::WireTime;
pub(crate) use time::{field_time, month_day_year, rfc3339};
pub use token_kinds::TokenKinds;
pub use upload::{File, PendingUpload, UploadedFiles};
pub use user::{User, UserKind, UserRole, UserRoles};
pub use workflow::Workflow;
