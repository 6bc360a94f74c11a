//! The encryption keys of the vault: configured, or generated outside production.

use std::{fs, io::Write, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sidecar_core::vault::{KeyRing, SealError, Vault};

use super::{Config, Environment};

/// No encryption keys are available.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key cannot be generated.
    #[error("no encryption key could be generated: {0}")]
    Generate(#[from] SealError),
    /// The key file beside the database is not usable.
    #[error(
        "the generated encryption keys in {path} cannot be used: {why}; create its directory, correct or remove the file, or set SIDECAR_ENCRYPTION_KEYS"
    )]
    File {
        /// The file.
        path: String,
        /// The reason.
        why: String,
    },
    /// Production generates no keys.
    #[error("SIDECAR_ENCRYPTION_KEYS is not set: generate a key with `crm-server keys generate`")]
    Missing,
}

/// Validates a key ring.
pub(super) fn ring(text: &str) -> Result<SecretString, String> {
    let text = SecretString::from(text);
    match KeyRing::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("cannot be used: {error}")),
    }
}

impl Config {
    /// Returns the vault that seals tokens and settings.
    ///
    /// # Errors
    /// [`KeysError`] says what to do.
    pub fn vault(&self) -> Result<Vault, KeysError> {
        let (keys, source) = match (&self.encryption_keys, self.environment) {
            (Some(keys), _) => (keys.clone(), "SIDECAR_ENCRYPTION_KEYS".to_owned()),
            (None, Environment::Production) => return Err(KeysError::Missing),
            (None, Environment::Test) => (KeyRing::generate_entry("test")?, "memory".to_owned()),
            (None, Environment::Development) => match self.key_file() {
                Some(path) => (load_or_generate(&path)?, path.display().to_string()),
                None => (KeyRing::generate_entry("development")?, "memory".to_owned()),
            },
        };
        KeyRing::parse(&keys).map(Vault::new).map_err(|error| KeysError::File { path: source, why: error.to_string() })
    }

    /// Returns the key file beside the database file, so that a restart can read the tokens; `None` for an in-memory database.
    fn key_file(&self) -> Option<PathBuf> {
        let path = self.database_url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path).split('?').next()?;
        (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(format!("{path}.keys")))
    }
}

/// Reads the key file, or generates it.
fn load_or_generate(path: &PathBuf) -> Result<SecretString, KeysError> {
    let failed = |error: std::io::Error| KeysError::File { path: path.display().to_string(), why: error.to_string() };
    match create(path) {
        Ok(mut file) => {
            let keys = KeyRing::generate_entry("development")?;
            writeln!(file, "{}", keys.expose_secret()).map_err(failed)?;
            tracing::warn!(path = %path.display(), "generated an encryption key; set SIDECAR_ENCRYPTION_KEYS in production");
            Ok(keys)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            fs::read_to_string(path).map(SecretString::from).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Creates a file that only its owner may read.
fn create(path: &PathBuf) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
