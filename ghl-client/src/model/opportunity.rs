use serde_json::Value;

use super::{ContactId, CustomFieldId, LocationId, LostReasonId, OpportunityId, PipelineId, StageId, UserId, WireTime};

sidecar_core::open_enum! {
    /// How an opportunity stands.
    pub enum OpportunityStatus {
        /// Still open.
        Open = "open",
        /// Won.
        Won = "won",
        /// Lost.
        Lost = "lost",
        /// Given up.
        Abandoned = "abandoned",
        /// Any of them; only searches take it.
        All = "all",
    }
}

sidecar_core::model! {
    /// An opportunity: a possible deal with a contact, at a stage of a pipeline.
    pub struct Opportunity {
        /// Its id.
        "id" id: OpportunityId,
        /// Its name.
        "name" name: Option<String>,
        /// The value, in the location's currency.
        "monetaryValue" monetary_value: Option<f64>,
        /// Its pipeline.
        "pipelineId" pipeline_id: Option<PipelineId>,
        /// Its stage there.
        "pipelineStageId" stage_id: Option<StageId>,
        /// The user it is assigned to.
        "assignedTo" assigned_to: Option<UserId>,
        /// How it stands.
        "status" status: Option<OpportunityStatus>,
        /// Where it came from.
        "source" source: Option<String>,
        /// When its status last changed.
        "lastStatusChangeAt" last_status_change_at: Option<WireTime>,
        /// When its stage last changed.
        "lastStageChangeAt" last_stage_change_at: Option<WireTime>,
        /// When something was last done about it.
        "lastActionDate" last_action_date: Option<WireTime>,
        /// When it was created.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// Whom it is about.
        "contactId" contact_id: Option<ContactId>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Data of its contact.
        "contact" contact: Option<OpportunityContact>,
        /// Why it was lost.
        "lostReasonId" lost_reason_id: Option<LostReasonId>,
        /// Custom fields, by id.
        "customFields" custom_fields: Option<Vec<OpportunityField>>,
        /// The contact's notes, where a search asked for them.
        "notes" notes: Option<Value>,
        /// The contact's tasks, where a search asked for them.
        "tasks" tasks: Option<Value>,
        /// The contact's calendar events, where a search asked for them.
        "calendarEvents" calendar_events: Option<Value>,
        /// The followers; GHL does not document the format.
        "followers" followers: Option<Value>,
    }
}

sidecar_core::model! {
    /// The contact of an opportunity, in brief.
    pub struct OpportunityContact {
        /// Its id.
        "id" id: Option<ContactId>,
        /// Its name.
        "name" name: Option<String>,
        /// Its company's name.
        "companyName" company_name: Option<String>,
        /// Its e-mail address.
        "email" email: Option<String>,
        /// Its phone number.
        "phone" phone: Option<String>,
        /// Its tags.
        "tags" tags: Option<Vec<String>>,
    }
}

sidecar_core::model! {
    /// A custom field's value on an opportunity. The published `fieldValue` comes under names like `fieldValueString` in
    /// reality (<https://github.com/GoHighLevel/highlevel-api-docs/issues/87>): [`OpportunityField::value`] reads either.
    pub struct OpportunityField {
        /// The field.
        "id" id: CustomFieldId,
        /// Its value, under the published name.
        "fieldValue" field_value: Option<Value>,
    }
}

impl OpportunityField {
    /// The value, under whichever name it came.
    pub fn value(&self) -> Option<&Value> {
        let named = || self.extra.iter().find(|(name, _)| name.starts_with("fieldValue")).map(|(_, value)| value);
        self.field_value.as_ref().or_else(named)
    }
}

sidecar_core::model! {
    /// A pipeline.
    pub struct Pipeline {
        /// Its id.
        "id" id: PipelineId,
        /// Its name.
        "name" name: Option<String>,
        /// Its stages. The published specification gives them no shape; this is what is sent.
        "stages" stages: Option<Vec<PipelineStage>>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Whether it is shown in the funnel chart.
        "showInFunnel" show_in_funnel: Option<bool>,
        /// Whether it is shown in the pie chart.
        "showInPieChart" show_in_pie_chart: Option<bool>,
    }
}

sidecar_core::model! {
    /// A stage of a pipeline.
    pub struct PipelineStage {
        /// Its id.
        "id" id: StageId,
        /// Its name.
        "name" name: Option<String>,
        /// Its place among the stages.
        "position" position: Option<i64>,
    }
}

sidecar_core::model! {
    /// A reason for which opportunities are lost.
    pub struct LostReason {
        /// Its id.
        "id" id: LostReasonId,
        /// Its name.
        "name" name: Option<String>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// When it was created.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}
