use serde_json::Value;

use crate::model::{Appointment, CompanyId, ContactId, CustomFieldEntry, LocationId, OpportunityId, UserId, WireTime};

sidecar_core::model! {
    /// The payload of `Contact…`. Fields that did not change come along; a null field is empty. There is no update time: the envelope's
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
        /// Files.
        "attachments" attachments: Option<Vec<Value>>,
        /// The user to whom it is assigned.
        "assignedTo" assigned_to: Option<UserId>,
        /// Custom fields, by id.
        "customFields" custom_fields: Option<Vec<CustomFieldEntry>>,
    }
}

sidecar_core::model! {
    /// The payload of `Appointment…`.
    pub struct AppointmentPayload {
        /// The location.
        "locationId" location_id: LocationId,
        /// The appointment.
        "appointment" appointment: Appointment,
    }
}

sidecar_core::model! {
    /// The payload of `Location…`. `id` is the location; there is no `locationId`.
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
    /// The payload of `Opportunity…`.
    pub struct OpportunityPayload {
        /// The opportunity.
        "id" id: OpportunityId,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its contact.
        "contactId" contact_id: Option<ContactId>,
        /// The user to whom it is assigned.
        "assignedTo" assigned_to: Option<UserId>,
        /// Its name.
        "name" name: Option<String>,
        /// Its value in the location's currency.
        "monetaryValue" monetary_value: Option<f64>,
        /// Its pipeline.
        "pipelineId" pipeline_id: Option<String>,
        /// The stage of the pipeline.
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
    /// The payload of `Note…`.
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
    /// The payload of `Task…`. Contact and body are documented but often absent.
    pub struct TaskPayload {
        /// The task.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its contact.
        "contactId" contact_id: Option<ContactId>,
        /// The assigned user.
        "assignedTo" assigned_to: Option<UserId>,
        /// The title.
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
    /// The payload of `User…`: a location's user has a `locationId`, an agency's a `companyId` and perhaps `locations`.
    pub struct UserPayload {
        /// The user.
        "id" id: UserId,
        /// The location, of a location's user.
        "locationId" location_id: Option<LocationId>,
        /// The company, of an agency's user.
        "companyId" company_id: Option<CompanyId>,
        /// Given name.
        "firstName" first_name: Option<String>,
        /// Family name.
        "lastName" last_name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number.
        "phone" phone: Option<String>,
        /// Phone extension.
        "extension" extension: Option<String>,
        /// `admin` or `user`.
        "role" role: Option<String>,
        /// The permissions: names of features, each true or false.
        "permissions" permissions: Option<Value>,
        /// Scopes, where they are restricted.
        "scopes" scopes: Option<Vec<String>>,
        /// The locations that an agency's user is assigned to.
        "locations" locations: Option<Vec<LocationId>>,
    }
}
