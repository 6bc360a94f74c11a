use http::Method;

use crate::client::{Group, Operation};

const READ: &str = "EVENT_TYPE_READ";
const WRITE: &str = "EVENT_TYPE_WRITE";

const fn event_type(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::EventTypes)
}

const fn webhook(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Unversioned).scope("WEBHOOK_WRITE")
}

pub(crate) static CREATE: Operation = event_type("event_types.create", Method::POST, "/v2/event-types").scope(WRITE);
pub(crate) static LIST: Operation = event_type("event_types.list", Method::GET, "/v2/event-types").scope(READ).public();
pub(crate) static GET: Operation =
    event_type("event_types.get", Method::GET, "/v2/event-types/{eventTypeId}").scope(READ);
pub(crate) static UPDATE: Operation =
    event_type("event_types.update", Method::PATCH, "/v2/event-types/{eventTypeId}").scope(WRITE).repeatable();
pub(crate) static DELETE: Operation =
    event_type("event_types.delete", Method::DELETE, "/v2/event-types/{eventTypeId}").scope(WRITE);

pub(crate) static CREATE_WEBHOOK: Operation =
    webhook("event_types.webhooks.create", Method::POST, "/v2/event-types/{eventTypeId}/webhooks");
pub(crate) static LIST_WEBHOOKS: Operation =
    webhook("event_types.webhooks.list", Method::GET, "/v2/event-types/{eventTypeId}/webhooks");
pub(crate) static GET_WEBHOOK: Operation =
    webhook("event_types.webhooks.get", Method::GET, "/v2/event-types/{eventTypeId}/webhooks/{webhookId}");
pub(crate) static UPDATE_WEBHOOK: Operation =
    webhook("event_types.webhooks.update", Method::PATCH, "/v2/event-types/{eventTypeId}/webhooks/{webhookId}")
        .repeatable();
pub(crate) static DELETE_WEBHOOK: Operation =
    webhook("event_types.webhooks.delete", Method::DELETE, "/v2/event-types/{eventTypeId}/webhooks/{webhookId}");
pub(crate) static DELETE_WEBHOOKS: Operation =
    webhook("event_types.webhooks.delete_all", Method::DELETE, "/v2/event-types/{eventTypeId}/webhooks");
