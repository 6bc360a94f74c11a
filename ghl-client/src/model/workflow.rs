use super::{LocationId, WireTime, WorkflowId};

sidecar_core::model! {
    /// A workflow. GHL does not return its steps.
    pub struct Workflow {
        /// Its id.
        "id" id: WorkflowId,
        /// Its name.
        "name" name: Option<String>,
        /// How it stands: `draft` or `published`.
        "status" status: Option<String>,
        /// Its version, counted up with every change.
        "version" version: Option<i64>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
    }
}
