//! Why the server does not start ([`StartError`]), and errors in words.

use sidecar_core::Error;

/// The server does not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Variables cannot be right.
    #[error("the configuration cannot be used: {0}")]
    Config(#[from] crate::config::ConfigError),
    /// There are no encryption keys.
    #[error(transparent)]
    Keys(#[from] crate::config::KeysError),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] sidecar_store::OpenError),
    /// Redis cannot be used.
    #[error("REDIS_URL cannot be used: {0}")]
    Redis(#[from] sidecar_store::redis::RedisUrlError),
    /// A client cannot be set up.
    #[error("GHL cannot be set up: {0}")]
    Ghl(#[from] Error),
    /// A client cannot be set up.
    #[error("Cal.com cannot be set up: {0}")]
    Calcom(#[source] Error),
    /// A key that webhooks verify with cannot be read.
    #[error("GHL_WEBHOOK_PUBLIC_KEY cannot be used: {0}")]
    WebhookKey(#[from] sidecar_core::signature::KeyError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}; give another {variable}, port 0 picks a free one")]
    Bind {
        /// Which variable named it.
        variable: &'static str,
        /// The address.
        address: std::net::SocketAddr,
        /// The system's words.
        why: std::io::Error,
    },
}

/// An error with its causes, outermost first. A cause whose words are part of what was said already is not repeated.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Words(&'static str, #[source] Option<Box<Words>>);

    #[test]
    fn every_cause_is_told_once() {
        let disk = Words("the disk is full", None);
        let write = Words("the database refused: the disk is full", Some(Box::new(disk)));
        let top = Words("the request failed", Some(Box::new(write)));
        assert_eq!(chain(&top), "the request failed: the database refused: the disk is full");
    }
}
