use crate::model::LocationId;

sidecar_core::model! {
    /// Of `KnowledgeBaseCreate`, `KnowledgeBaseUpdate` and `KnowledgeBaseDelete`.
    pub struct KnowledgeBasePayload {
        /// The knowledge base.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its name.
        "name" name: Option<String>,
        /// Its description.
        "description" description: Option<String>,
        /// Whether it is gone.
        "deleted" deleted: Option<bool>,
    }
}

sidecar_core::model! {
    /// Of `KnowledgeBase…Change`: something in a knowledge base was created, updated or deleted.
    pub struct KnowledgeBaseAssetPayload {
        /// The asset.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its knowledge base.
        "knowledgeBaseId" knowledge_base_id: Option<String>,
        /// What it is: `faq`, `file`, ….
        "assetType" asset_type: Option<String>,
        /// How far it was taken in; the words differ by type.
        "status" status: Option<String>,
        /// `created`, `updated` or `deleted`.
        "action" action: Option<String>,
        /// Whether it is gone.
        "deleted" deleted: Option<bool>,
    }
}
