use std::sync::Arc;

use ghl_client::{
    model::{CompanyId, LocationId},
    oauth::UserType,
};
use sidecar_core::token::StaticToken;

use crate::call::Call;

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::new("oauth.exchange_code", |client, full| {
            Box::pin(async move {
                let user_type = full.then_some(UserType::Company);
                client.app.exchange_code("code1", user_type.as_ref()).await.map(drop)
            })
        }),
        Call::new("oauth.refresh", |client, _| {
            Box::pin(async move { client.app.refresh(&"r1".to_owned().into(), &UserType::Location).await.map(drop) })
        }),
        Call::new("oauth.location_token", |client, _| {
            Box::pin(async move {
                let (company, location) = (CompanyId::from("co1"), LocationId::from("l1"));
                client
                    .app
                    .location_token(&company, &location, Arc::new(StaticToken::new("company".to_owned())))
                    .await
                    .map(drop)
            })
        }),
    ]
}
