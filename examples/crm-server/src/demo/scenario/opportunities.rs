//! Creating, moving, winning and deleting an opportunity at GHL is visible in the server.

use serde_json::{Value, json};

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::text,
    report::Counts,
};

impl Scenario {
    pub(super) async fn opportunities(&mut self) -> Result<Counts, CheckFailed> {
        let location = self.locations[0].clone();
        let fields =
            json!({"firstName": "Deal", "lastName": "Maker", "email": format!("deal@{}.example.com", self.slug)});
        let contact = json!({"action": "create_contact", "location": location, "fields": fields});
        let made = self.provider.change(vec![contact]).await?;
        let contact = made.first().map(|made| made["id"].clone()).unwrap_or_default();
        let (pipeline, next) = self.two_stages(&location).await?;

        let fields = json!({"pipelineId": pipeline, "contactId": contact, "name": "First course", "status": "open", "monetaryValue": 900});
        let change = json!({"action": "create_opportunity", "location": location, "fields": fields});
        let made = self.provider.change(vec![change]).await?;
        let id = made.first().map(|made| text(made, "id").to_owned()).unwrap_or_default();
        self.opportunity_is(&id, "monetaryValue", &json!(900.0)).await?;

        let update = |fields: Value| json!({"action": "update_opportunity", "id": id, "fields": fields});
        self.provider.change(vec![update(json!({"pipelineStageId": next}))]).await?;
        self.opportunity_is(&id, "pipelineStageId", &next).await?;
        self.provider.change(vec![update(json!({"status": "won", "monetaryValue": 950}))]).await?;
        self.opportunity_is(&id, "status", &json!("won")).await?;
        self.opportunity_is(&id, "monetaryValue", &json!(950.0)).await?;

        self.provider.change(vec![json!({"action": "delete_opportunity", "id": id})]).await?;
        self.eventually("the opportunity's end", || async {
            let still = self.find_opportunity(&id).await?;
            ensure(still.is_none(), || "it is still listed".to_owned())
        })
        .await?;
        let all = self.server.list(&self.path("opportunities")).await?.len();
        Ok(Counts::new().with("made", 1_u64).with("moved", 1_u64).with("won", 1_u64).with("opportunities", all))
    }

    /// Returns a pipeline from the server, and its second stage.
    async fn two_stages(&self, location: &str) -> Result<(Value, Value), CheckFailed> {
        let shown = self.server.list(&self.path(&format!("pipelines?locationId={location}"))).await?;
        let pipeline = shown.into_iter().next().unwrap_or_default();
        let (id, stage) = (pipeline["id"].clone(), pipeline["stages"][1]["id"].clone());
        ensure(id.is_string() && stage.is_string(), || format!("{location} has no pipeline with two stages"))?;
        Ok((id, stage))
    }

    async fn find_opportunity(&self, id: &str) -> Result<Option<Value>, CheckFailed> {
        let listed = self.server.list(&self.path("opportunities")).await?;
        Ok(listed.into_iter().find(|opportunity| opportunity["id"] == id))
    }

    /// Waits until the opportunity is listed with this value.
    async fn opportunity_is(&self, id: &str, field: &str, value: &Value) -> Result<(), CheckFailed> {
        self.eventually("the opportunity", || async {
            let found = self.find_opportunity(id).await?.unwrap_or_default();
            // 900 and 900.0 are one amount.
            let same = found[field] == *value || (value.is_number() && found[field].as_f64() == value.as_f64());
            ensure(same, || format!("{id}: {field} is {}, not {value}", found[field]))
        })
        .await
    }
}
