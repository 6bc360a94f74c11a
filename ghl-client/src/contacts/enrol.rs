use http::Method;
use sidecar_core::{Result, Timestamp};

use super::Contacts;
use crate::{
    client::{Operation, PlainRequest, ignore_body, request, setters},
    config::ApiVersion,
    model::{CampaignId, ContactId, LocationId, WorkflowId, rfc3339},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
static ADD_CAMPAIGN: Operation =
    Operation::new("contacts.add_to_campaign", Method::POST, "/contacts/{contactId}/campaigns/{campaignId}", VERSION);
static REMOVE_CAMPAIGN: Operation = Operation::new(
    "contacts.remove_from_campaign",
    Method::DELETE,
    "/contacts/{contactId}/campaigns/{campaignId}",
    VERSION,
);
static REMOVE_CAMPAIGNS: Operation = Operation::new(
    "contacts.remove_from_campaigns",
    Method::DELETE,
    "/contacts/{contactId}/campaigns/removeAll",
    VERSION,
)
.v3_path("/contacts/{contactId}/campaigns/remove-all");
static ADD_WORKFLOW: Operation =
    Operation::new("contacts.add_to_workflow", Method::POST, "/contacts/{contactId}/workflow/{workflowId}", VERSION);
static REMOVE_WORKFLOW: Operation = Operation::new(
    "contacts.remove_from_workflow",
    Method::DELETE,
    "/contacts/{contactId}/workflow/{workflowId}",
    VERSION,
);

request! {
    /// Sends a contact through a workflow or takes it out. From [`Contacts::add_to_workflow`] and
    /// [`Contacts::remove_from_workflow`].
    pub struct ChangeWorkflow => ()
}
setters! { body of ChangeWorkflow; {
    /// When the event takes place that the workflow waits for; sent as RFC 3339.
    "eventStartTime" event_start: Timestamp => rfc3339,
}}

impl Contacts {
    /// Puts a contact into a campaign.
    pub fn add_to_campaign(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        campaign: impl Into<CampaignId>,
    ) -> PlainRequest<()> {
        self.about(&ADD_CAMPAIGN, location, contact).argument(campaign.into()).with_body().plain(ignore_body)
    }

    /// Takes a contact out of a campaign.
    pub fn remove_from_campaign(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        campaign: impl Into<CampaignId>,
    ) -> PlainRequest<()> {
        self.about(&REMOVE_CAMPAIGN, location, contact).argument(campaign.into()).plain(ignore_body)
    }

    /// Takes a contact out of every campaign.
    pub fn remove_from_campaigns(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
    ) -> PlainRequest<()> {
        self.about(&REMOVE_CAMPAIGNS, location, contact).plain(ignore_body)
    }

    /// Sends a contact through a workflow.
    pub fn add_to_workflow(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        workflow: impl Into<WorkflowId>,
    ) -> ChangeWorkflow {
        ChangeWorkflow { builder: self.about(&ADD_WORKFLOW, location, contact).argument(workflow.into()).with_body() }
    }

    /// Takes a contact out of a workflow.
    pub fn remove_from_workflow(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        workflow: impl Into<WorkflowId>,
    ) -> ChangeWorkflow {
        ChangeWorkflow {
            builder: self.about(&REMOVE_WORKFLOW, location, contact).argument(workflow.into()).with_body(),
        }
    }
}

impl ChangeWorkflow {
    async fn send(self) -> Result<()> {
        ignore_body(&self.builder.send().await?)
    }
}
