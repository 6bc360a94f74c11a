//! What the clients of providers share: options of a request, listings by offset, raw requests, transport options, quota status and
//! the reading of error responses.
//!
//! Rules of one provider stay in its client. Invariant: nothing here knows a provider's name, header or message.

mod error_response;
mod offset;
mod options;
mod quota;
mod raw;
mod transport;

pub use error_response::{MessageText, describe, is_html, is_oauth_code, kind_of_status};
pub use futures_util::future::BoxFuture;
pub use offset::{next_offset, pages_by_offset};
pub use options::RequestOptions;
pub use quota::QuotaStatus;
pub use raw::RawCall;
pub use transport::{TransportOptions, check_token};
