//! What events carry, one model per family. Required are only the ids without which an event says nothing.

use serde_json::Value;

use crate::model::{Appointment, CompanyId, ContactId, CustomFieldEntry, LocationId, OpportunityId, UserId, WireTime};

sidecar_core::model! {
    /// Of `INSTALL`, `UNINSTALL` and `PLAN_CHANGE`, which go to the app's default webhook URL only.
    pub struct InstallPayload {
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The location; none when it is about the company.
        "locationId" location_id: Option<LocationId>,
        /// `Company` or `Location`.
        "installType" install_type: Option<String>,
        /// Who did it.
        "userId" user_id: Option<UserId>,
        /// The app's plan.
        "planId" plan_id: Option<String>,
        /// The company's name.
        "companyName" company_name: Option<String>,
        /// Whether the company is under a brand of its own.
        "isWhitelabelCompany" is_whitelabel_company: Option<bool>,
    }
}

sidecar_core::model! {
    /// Of `Contact…`. Fields that did not change come along; a null field is empty. There is no update time: the envelope's
    /// `timestamp` says when it changed.
    pub struct ContactPayload {
        /// The contact.
        "id" id: ContactId,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Whole name.
        "name" name: Option<String>,
        /// Given name.
        "firstName" first_name: Option<String>,
        /// Family name.
        "lastName" last_name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number.
        "phone" phone: Option<String>,
        /// Company name.
        "companyName" company_name: Option<String>,
        /// Street and number.
        "address1" address1: Option<String>,
        /// City.
        "city" city: Option<String>,
        /// State or region.
        "state" state: Option<String>,
        /// Country.
        "country" country: Option<String>,
        /// Postal code.
        "postalCode" postal_code: Option<String>,
        /// Website.
        "website" website: Option<String>,
        /// Where it came from.
        "source" source: Option<String>,
        /// When it was created.
        "dateAdded" date_added: Option<WireTime>,
        /// Date of birth.
        "dateOfBirth" date_of_birth: Option<WireTime>,
        /// Whether no messages may be sent.
        "dnd" dnd: Option<bool>,
        /// The same per channel; of `ContactDndUpdate`.
        "dndSettings" dnd_settings: Option<Value>,
        /// All tags.
        "tags" tags: Option<Vec<String>>,
        /// Who it is assigned to.
        "assignedTo" assigned_to: Option<UserId>,
        /// Custom fields, by id.
        "customFields" custom_fields: Option<Vec<CustomFieldEntry>>,
    }
}

sidecar_core::model! {
    /// Of `Appointment…`.
    pub struct AppointmentPayload {
        /// The location.
        "locationId" location_id: LocationId,
        /// The appointment.
        "appointment" appointment: Appointment,
    }
}

sidecar_core::model! {
    /// Of `Location…`. `id` is the location; there is no `locationId`.
    pub struct LocationPayload {
        /// The location.
        "id" id: LocationId,
        /// Its company.
        "companyId" company_id: Option<CompanyId>,
        /// Its name.
        "name" name: Option<String>,
        /// Its e-mail address.
        "email" email: Option<String>,
        /// Its product at Stripe.
        "stripeProductId" stripe_product_id: Option<String>,
    }
}

sidecar_core::model! {
    /// Of `Opportunity…`.
    pub struct OpportunityPayload {
        /// The opportunity.
        "id" id: OpportunityId,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its contact.
        "contactId" contact_id: Option<ContactId>,
        /// Who it is assigned to.
        "assignedTo" assigned_to: Option<UserId>,
        /// Its name.
        "name" name: Option<String>,
        /// Its value in the location's currency.
        "monetaryValue" monetary_value: Option<f64>,
        /// Its pipeline.
        "pipelineId" pipeline_id: Option<String>,
        /// Where it stands in the pipeline.
        "pipelineStageId" pipeline_stage_id: Option<String>,
        /// `open`, `won`, `lost` or `abandoned`.
        "status" status: Option<String>,
        /// Where it came from.
        "source" source: Option<String>,
        /// When it was created.
        "dateAdded" date_added: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// Of `Note…`.
    pub struct NotePayload {
        /// The note.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its contact.
        "contactId" contact_id: Option<ContactId>,
        /// Its text.
        "body" body: Option<String>,
        /// When it was written.
        "dateAdded" date_added: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// Of `Task…`. Contact and body are documented and often absent.
    pub struct TaskPayload {
        /// The task.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its contact.
        "contactId" contact_id: Option<ContactId>,
        /// Who is to do it.
        "assignedTo" assigned_to: Option<UserId>,
        /// What is to be done.
        "title" title: Option<String>,
        /// More about it.
        "body" body: Option<String>,
        /// When it was made.
        "dateAdded" date_added: Option<WireTime>,
        /// When it is due.
        "dueDate" due_date: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// Of `InboundMessage` and `OutboundMessage`.
    pub struct MessagePayload {
        /// The location.
        "locationId" location_id: LocationId,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
        /// The conversation.
        "conversationId" conversation_id: Option<String>,
        /// The message; e-mails have an `emailMessageId` instead.
        "messageId" message_id: Option<String>,
        /// The e-mail.
        "emailMessageId" email_message_id: Option<String>,
        /// `SMS`, `CALL`, `Email`, `VoiceMail`, ….
        "messageType" message_type: Option<String>,
        /// `inbound` or `outbound`.
        "direction" direction: Option<String>,
        /// Its text.
        "body" body: Option<String>,
        /// How it stands.
        "status" status: Option<String>,
        /// When it was written.
        "dateAdded" date_added: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// Of every other event: everything is in `extra`.
    pub struct OtherPayload {
        /// The location.
        "locationId" location_id: Option<LocationId>,
    }
}
