use http::Method;

use crate::client::{Group, Operation};

const fn slots(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Slots).public()
}

pub(crate) static LIST: Operation = slots("slots.list", Method::GET, "/v2/slots");
pub(crate) static RESERVE: Operation = slots("slots.reserve", Method::POST, "/v2/slots/reservations");
pub(crate) static GET_RESERVATION: Operation = slots("slots.reservation", Method::GET, "/v2/slots/reservations/{uid}");
pub(crate) static UPDATE_RESERVATION: Operation =
    slots("slots.update_reservation", Method::PATCH, "/v2/slots/reservations/{uid}");
pub(crate) static DELETE_RESERVATION: Operation =
    slots("slots.delete_reservation", Method::DELETE, "/v2/slots/reservations/{uid}");
