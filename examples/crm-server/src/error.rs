//! Why the server does not start ([`StartError`]), and errors in words.

use sidecar_core::Error;

/// Why the server cannot start. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Variables have invalid values.
    #[error("the configuration is not valid: {0}")]
    Config(#[from] crate::config::ConfigError),
    /// No encryption keys are available.
    #[error(transparent)]
    Keys(#[from] crate::config::KeysError),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] sidecar_store::OpenError),
    /// The address of Redis is not valid.
    #[error("REDIS_URL cannot be used: {0}")]
    Redis(#[from] sidecar_store::redis::RedisUrlError),
    /// The GHL client cannot be built.
    #[error("GHL cannot be set up: {0}")]
    Ghl(#[from] Error),
    /// The Cal.com client cannot be built.
    #[error("Cal.com cannot be set up: {0}")]
    Calcom(#[source] Error),
    /// A public key for webhooks cannot be parsed.
    #[error("GHL_WEBHOOK_PUBLIC_KEY cannot be used: {0}")]
    WebhookKey(#[from] sidecar_core::signature::KeyError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}; give another {variable}, port 0 picks a free one")]
    Bind {
        /// The variable that names it.
        variable: &'static str,
        /// The address.
        address: std::net::SocketAddr,
        /// The system's error.
        why: std::io::Error,
    },
}

/// Returns an error with its causes, outermost first. A cause whose text is already contained is not repeated.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
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
    fn every_cause_is_named_once() {
        let disk = Words("the disk is full", None);
        let write = Words("the database refused: the disk is full", Some(Box::new(disk)));
        let top = Words("the request failed", Some(Box::new(write)));
        assert_eq!(chain(&top), "the request failed: the database refused: the disk is full");
    }
}
