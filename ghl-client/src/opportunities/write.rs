use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::Opportunities;
use crate::{
    client::{Operation, RequestBuilder, any_field, request, setters},
    config::ApiVersion,
    model::{
        ContactId, CustomFieldValue, LocationId, LostReasonId, Opportunity, OpportunityId, OpportunityStatus,
        PipelineId, StageId, UserId,
    },
};

/// The name of the values of custom fields in v3.
const VALUES: &[(&str, &str)] = &[("field_value", "fieldValue")];
static CREATE: Operation =
    Operation::new("opportunities.create", Method::POST, "/opportunities/", ApiVersion::V2021_07_28).v3_names(VALUES);
static UPDATE: Operation =
    Operation::new("opportunities.update", Method::PUT, "/opportunities/{id}", ApiVersion::V2021_07_28)
        .v3_names(VALUES);
static UPSERT: Operation =
    Operation::new("opportunities.upsert", Method::POST, "/opportunities/upsert", ApiVersion::V2021_07_28);
static SET_STATUS: Operation =
    Operation::new("opportunities.set_status", Method::PUT, "/opportunities/{id}/status", ApiVersion::V2021_07_28);

request! {
    /// Creates an opportunity. From [`Opportunities::create`].
    pub struct CreateOpportunity => Opportunity
}
request! {
    /// Changes an opportunity. From [`Opportunities::update`].
    pub struct UpdateOpportunity => Opportunity
}
request! {
    /// Changes or creates an opportunity. From [`Opportunities::upsert`].
    pub struct UpsertOpportunity => UpsertedOpportunity
}
request! {
    /// Sets how an opportunity stands. From [`Opportunities::set_status`].
    pub struct SetStatus => ()
}

setters! { body of CreateOpportunity, UpdateOpportunity, UpsertOpportunity; {
    /// Its stage in the pipeline; the first one unless set.
    "pipelineStageId" stage: into StageId,
    /// How it stands.
    "status" status: OpportunityStatus,
    /// The value, in the location's currency.
    "monetaryValue" monetary_value: into f64,
    /// The user it is assigned to.
    "assignedTo" assigned_to: into UserId,
}}
setters! { body of UpdateOpportunity, UpsertOpportunity; {
    /// Its name.
    "name" name: into String,
}}
setters! { body of UpdateOpportunity; {
    /// Moves it to another pipeline.
    "pipelineId" pipeline: into PipelineId,
}}
setters! { body of UpsertOpportunity; {
    /// The one to change. Without it the provider looks for one itself.
    "id" id: into OpportunityId,
    /// Whom it is about. The published specification does not list it; an opportunity that is new has to have one.
    "contactId" contact: into ContactId,
    /// Why it was lost.
    "lostReasonId" lost_reason: into LostReasonId,
}}
setters! { body of SetStatus; {
    /// Why it was lost.
    "lostReasonId" lost_reason: into LostReasonId,
}}
any_field!(CreateOpportunity, UpdateOpportunity, UpsertOpportunity);

sidecar_core::model! {
    /// The result of an upsert.
    pub struct UpsertedOpportunity {
        /// Whether the opportunity is new.
        "new" created: bool,
        /// The opportunity as it is now.
        "opportunity" opportunity: Opportunity,
    }
}

impl Opportunities {
    /// Creates an opportunity of a contact in a pipeline. It is open unless another status is set. A location may forbid a
    /// second one of the same contact.
    pub fn create(
        &self,
        location: impl Into<LocationId>,
        pipeline: impl Into<PipelineId>,
        contact: impl Into<ContactId>,
        name: impl Into<String>,
    ) -> CreateOpportunity {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &CREATE, location.clone())
            .set("locationId", json!(location))
            .set("pipelineId", json!(pipeline.into()))
            .set("contactId", json!(contact.into()))
            .set("name", name.into())
            .set("status", OpportunityStatus::Open.as_str());
        CreateOpportunity { builder }
    }

    /// Changes the fields that are set.
    pub fn update(&self, location: impl Into<LocationId>, id: impl Into<OpportunityId>) -> UpdateOpportunity {
        UpdateOpportunity { builder: self.about(&UPDATE, location, id).with_body() }
    }

    /// Changes an opportunity in a pipeline, or creates it.
    pub fn upsert(&self, location: impl Into<LocationId>, pipeline: impl Into<PipelineId>) -> UpsertOpportunity {
        let location = location.into();
        // The specification requires the followers to be named, and what is to be done with them.
        let builder = RequestBuilder::new(&self.0, &UPSERT, location.clone())
            .set("locationId", json!(location))
            .set("pipelineId", json!(pipeline.into()))
            .set("followers", json!([]))
            .set("isRemoveAllFollowers", false)
            .set("followersActionType", "add");
        UpsertOpportunity { builder }
    }

    /// Sets how an opportunity stands.
    pub fn set_status(
        &self,
        location: impl Into<LocationId>,
        id: impl Into<OpportunityId>,
        status: impl Into<OpportunityStatus>,
    ) -> SetStatus {
        SetStatus { builder: self.about(&SET_STATUS, location, id).set("status", json!(status.into())) }
    }
}

/// Gives requests the custom fields of an opportunity.
macro_rules! custom_fields {
    ($($name:ident),+) => {
        $(impl $name {
            /// Adds a custom field's value.
            pub fn custom_field(mut self, value: CustomFieldValue) -> Self {
                self.builder = self.builder.push("customFields", json!(value));
                self
            }
        })+
    };
}
custom_fields!(CreateOpportunity, UpdateOpportunity);

impl CreateOpportunity {
    async fn send(self) -> Result<Opportunity> {
        self.builder.part(&["opportunity"]).await
    }
}

impl UpdateOpportunity {
    async fn send(self) -> Result<Opportunity> {
        self.builder.part(&["opportunity"]).await
    }
}

impl UpsertOpportunity {
    /// Lets these users follow it.
    pub fn add_followers<U: Into<UserId>>(mut self, users: impl IntoIterator<Item = U>) -> Self {
        for user in users {
            self.builder = self.builder.push("followers", json!(user.into()));
        }
        self
    }

    async fn send(self) -> Result<UpsertedOpportunity> {
        let builder = if self.builder.has("id") { self.builder.repeatable() } else { self.builder };
        builder.json().await
    }
}

impl SetStatus {
    async fn send(self) -> Result<()> {
        self.builder.send().await?;
        Ok(())
    }
}
