use crate::model::LocationId;

sidecar_core::model! {
    /// The payload of `KnowledgeBaseCreate`, `KnowledgeBaseUpdate` and `KnowledgeBaseDelete`.
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
    /// The payload of `KnowledgeBase…Change`: an entry of a knowledge base was created, updated or deleted.
    pub struct KnowledgeBaseAssetPayload {
        /// The asset.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its knowledge base.
        "knowledgeBaseId" knowledge_base_id: Option<String>,
        /// The kind: `faq`, `file`, ….
        "assetType" asset_type: Option<String>,
        /// How far it was taken in; the words differ by type.
        "status" status: Option<String>,
        /// `created`, `updated` or `deleted`.
        "action" action: Option<String>,
        /// Whether it is gone.
        "deleted" deleted: Option<bool>,
    }
}
