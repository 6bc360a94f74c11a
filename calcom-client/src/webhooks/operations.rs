use http::Method;

use crate::client::{Group, Operation};

/// The scope of all operations on webhooks, reads included, according to the documentation.
const SCOPE: &str = "WEBHOOK_WRITE";

const fn webhook(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Unversioned).scope(SCOPE)
}

pub(crate) static CREATE: Operation = webhook("webhooks.create", Method::POST, "/v2/webhooks");
pub(crate) static LIST: Operation = webhook("webhooks.list", Method::GET, "/v2/webhooks");
pub(crate) static GET: Operation = webhook("webhooks.get", Method::GET, "/v2/webhooks/{webhookId}");
pub(crate) static UPDATE: Operation =
    webhook("webhooks.update", Method::PATCH, "/v2/webhooks/{webhookId}").repeatable();
pub(crate) static DELETE: Operation = webhook("webhooks.delete", Method::DELETE, "/v2/webhooks/{webhookId}");
