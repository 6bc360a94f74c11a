//! Typed ids. The provider's are 20 or 24 letters and digits; nothing here relies on it.

use sidecar_core::Id;

macro_rules! ids {
    ($($(#[$doc:meta])* $kind:ident $alias:ident,)*) => {
        /// The kinds of things that have ids. Only names: no value of them exists.
        pub mod kind {
            $(#[doc = concat!("The kind of a [`", stringify!($alias), "`](super::", stringify!($alias), ").")]
            #[derive(Debug)]
            pub enum $kind {})*
        }
        $($(#[$doc])* pub type $alias = Id<kind::$kind>;)*
    };
}

ids! {
    /// The id of a contact.
    Contact ContactId,
    /// The id of a location (sub-account).
    Location LocationId,
    /// The id of a company (agency).
    Company CompanyId,
    /// The id of a calendar.
    Calendar CalendarId,
    /// The id of a calendar group.
    CalendarGroup CalendarGroupId,
    /// The id of an appointment or another calendar event.
    Appointment AppointmentId,
    /// The id of a user.
    User UserId,
    /// The id of a custom field.
    CustomField CustomFieldId,
    /// The id of an opportunity.
    Opportunity OpportunityId,
    /// The id of a pipeline.
    Pipeline PipelineId,
    /// The id of a stage of a pipeline.
    Stage StageId,
    /// The id of a reason for which opportunities are lost.
    LostReason LostReasonId,
    /// The id of a campaign.
    Campaign CampaignId,
    /// The id of a workflow.
    Workflow WorkflowId,
    /// The id of a business.
    Business BusinessId,
    /// The id of a contact's task.
    Task TaskId,
    /// The id of a conversation.
    Conversation ConversationId,
    /// The id of a message.
    Message MessageId,
    /// The id of an e-mail among a conversation's messages.
    EmailMessage EmailMessageId,
    /// The id of a conversation provider: what carries a location's messages.
    ConversationProvider ConversationProviderId,
    /// The id of a folder of custom fields.
    CustomFieldFolder CustomFieldFolderId,
    /// The id of a room or an equipment that calendars book.
    CalendarResource CalendarResourceId,
    /// The id of a user's availability schedule.
    Schedule ScheduleId,
    /// The id of a location's tag.
    Tag TagId,
    /// The id of a custom value.
    CustomValue CustomValueId,
    /// The id of a message template.
    Template TemplateId,
    /// The id of a note, on a contact or an appointment.
    Note NoteId,
    /// The id of a notification rule of a calendar.
    CalendarNotification CalendarNotificationId,
    /// The id of a task that recurs.
    RecurringTask RecurringTaskId,
    /// The id of a kind of messages that contacts may refuse.
    MessageSubtype MessageSubtypeId,
}
