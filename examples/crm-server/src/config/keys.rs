//! Where the vault's keys come from.

use std::{fs, io::Write, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sidecar_core::vault::{KeyRing, SealError, Vault};

use super::{Config, Environment};

/// There are no encryption keys, and none could be made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Randomness failed.
    #[error("no encryption key could be made: {0}")]
    Generate(#[from] SealError),
    /// The file beside the database cannot be used.
    #[error(
        "the generated encryption keys in {path} cannot be used: {why}; create its directory, correct or remove the file, or set SIDECAR_ENCRYPTION_KEYS"
    )]
    File {
        /// Where.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// Nothing is generated in production.
    #[error("SIDECAR_ENCRYPTION_KEYS is not set: make one with `crm-server keys generate`")]
    Missing,
}

/// Checks a key ring without keeping it.
pub(super) fn ring(text: &str) -> Result<SecretString, String> {
    let text = SecretString::from(text);
    match KeyRing::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("cannot be used: {error}")),
    }
}

impl Config {
    /// The vault that seals tokens.
    ///
    /// # Errors
    /// [`KeysError`] says what to do.
    pub fn vault(&self) -> Result<Vault, KeysError> {
        let (keys, source) = match (&self.encryption_keys, self.environment) {
            (Some(keys), _) => (keys.clone(), "SIDECAR_ENCRYPTION_KEYS".to_owned()),
            (None, Environment::Production) => return Err(KeysError::Missing),
            (None, Environment::Test) => (KeyRing::generate_entry("test")?, "memory".to_owned()),
            (None, Environment::Development) => match self.key_file() {
                Some(path) => (kept(&path)?, path.display().to_string()),
                None => (KeyRing::generate_entry("development")?, "memory".to_owned()),
            },
        };
        KeyRing::parse(&keys).map(Vault::new).map_err(|error| KeysError::File { path: source, why: error.to_string() })
    }

    /// Beside the database's file, so that a restart can read the tokens again; none for a database in memory.
    fn key_file(&self) -> Option<PathBuf> {
        let path = self.database_url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path).split('?').next()?;
        (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(format!("{path}.keys")))
    }
}

fn kept(path: &PathBuf) -> Result<SecretString, KeysError> {
    let refused = |error: std::io::Error| KeysError::File { path: path.display().to_string(), why: error.to_string() };
    match create(path) {
        Ok(mut file) => {
            let keys = KeyRing::generate_entry("development")?;
            writeln!(file, "{}", keys.expose_secret()).map_err(refused)?;
            tracing::warn!(path = %path.display(), "generated an encryption key; set SIDECAR_ENCRYPTION_KEYS in production");
            Ok(keys)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            fs::read_to_string(path).map(SecretString::from).map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}

/// A new file that nobody else may read.
fn create(path: &PathBuf) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
