//! Prism, which serves published specifications and rejects requests that do not match.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::Deserialize;
use sidecar_core::{SystemClock, time::timeout};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// The time to load all files.
const LOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// The specifications to serve.
#[derive(Debug)]
pub(crate) struct Specification {
    folder: PathBuf,
    file: Option<String>,
    fix_script: Option<&'static str>,
}

impl Specification {
    /// All specifications in the folder that this variable names.
    ///
    /// # Panics
    /// If it is not set.
    pub(crate) fn folder(variable: &str) -> Self {
        Self { folder: path_in(variable), file: None, fix_script: None }
    }

    /// The file that this variable names, corrected by a script in the folder of `serve.js`.
    ///
    /// # Panics
    /// If it is not set.
    pub(crate) fn file(variable: &str, fix_script: &'static str) -> Self {
        let path = path_in(variable);
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        Self { folder: path.parent().unwrap().to_owned(), file: Some(file), fix_script: Some(fix_script) }
    }
}

fn path_in(variable: &str) -> PathBuf {
    std::env::var_os(variable).map(PathBuf::from).expect("use `tests/run contract`")
}

/// One file and its server.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Served {
    /// The file, relative to the specifications' folder.
    pub(crate) file: String,
    /// The SHA-256 of the published file, in hex.
    pub(crate) sha256: String,
    /// The URL of its server.
    pub(crate) url: String,
    /// The corrections before Prism loads it.
    pub(crate) fixes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Served(Served),
    Ready { ready: bool },
}

/// A Prism server for each file. It ends with this value.
#[derive(Debug)]
pub(crate) struct Prism {
    /// The served files.
    pub(crate) served: Vec<Served>,
    _process: Child,
}

impl Prism {
    /// Starts the servers.
    ///
    /// # Panics
    /// If Node or its packages are missing, or a file cannot be served.
    pub(crate) async fn start(specification: &Specification) -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/prism");
        let mut process = Command::new("node")
            .arg(scripts.join("serve.js"))
            .arg(&specification.folder)
            .args(&specification.file)
            .env("NODE_PATH", packages())
            .envs(specification.fix_script.map(|script| ("PRISM_FIX_SCRIPT", scripts.join(script))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("node does not start ({error}): use `tests/run contract`"));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut served = Vec::new();
        let loading = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                match serde_json::from_str(&line).unwrap() {
                    Line::Served(file) => served.push(file),
                    Line::Ready { ready } => return ready,
                }
            }
            false
        };
        assert!(
            timeout(&SystemClock::new(), LOAD_TIMEOUT, loading).await.expect("loading takes too long"),
            "Prism ended"
        );
        Self { served, _process: process }
    }

    /// Returns the URL of the server of a file.
    ///
    /// # Panics
    /// If it is not served.
    pub(crate) fn url(&self, file: &str) -> &str {
        let served = self.served.iter().find(|served| served.file == file);
        &served.unwrap_or_else(|| panic!("{file} is not among the specifications")).url
    }
}

/// Returns the folder into which `tests/run contract` installed Prism.
fn packages() -> PathBuf {
    let configured = std::env::var_os("SIDECAR_TEST_PRISM").map(PathBuf::from);
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/contract/node_modules");
    configured.unwrap_or_else(default)
}
