//! Prism, which serves published specifications and refuses what they do not allow.

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

/// How long loading all files may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is served.
#[derive(Debug)]
pub(crate) struct Specification {
    folder: PathBuf,
    file: Option<String>,
    mend: Option<&'static str>,
}

impl Specification {
    /// All specifications in the folder that this variable names.
    ///
    /// # Panics
    /// When it is not set.
    pub(crate) fn folder(variable: &str) -> Self {
        Self { folder: named(variable), file: None, mend: None }
    }

    /// The one that this variable names, put right by a script beside `serve.js`.
    ///
    /// # Panics
    /// When it is not set.
    pub(crate) fn file(variable: &str, mend: &'static str) -> Self {
        let path = named(variable);
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        Self { folder: path.parent().unwrap().to_owned(), file: Some(file), mend: Some(mend) }
    }
}

fn named(variable: &str) -> PathBuf {
    std::env::var_os(variable).map(PathBuf::from).expect("use `tests/run contract`")
}

/// One file and where it is served.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Served {
    /// The file, relative to the specifications' folder.
    pub(crate) file: String,
    /// The hash of the file as it was published, in hex.
    pub(crate) sha256: String,
    /// Its server.
    pub(crate) url: String,
    /// What had to be changed before Prism read it.
    pub(crate) mended: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Served(Served),
    Ready { ready: bool },
}

/// Files, each served by a Prism of its own. Ends with this value.
#[derive(Debug)]
pub(crate) struct Prism {
    /// What is served.
    pub(crate) served: Vec<Served>,
    _process: Child,
}

impl Prism {
    /// Starts it.
    ///
    /// # Panics
    /// When Node or its packages are missing, or a file cannot be served.
    pub(crate) async fn start(specification: &Specification) -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/prism");
        let mut process = Command::new("node")
            .arg(scripts.join("serve.js"))
            .arg(&specification.folder)
            .args(&specification.file)
            .env("NODE_PATH", packages())
            .envs(specification.mend.map(|mend| ("PRISM_MEND", scripts.join(mend))))
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
        assert!(timeout(&SystemClock::new(), PATIENCE, loading).await.expect("loading takes too long"), "Prism ended");
        Self { served, _process: process }
    }

    /// The server of a file.
    ///
    /// # Panics
    /// When it is not served.
    pub(crate) fn url(&self, file: &str) -> &str {
        let served = self.served.iter().find(|served| served.file == file);
        &served.unwrap_or_else(|| panic!("{file} is not among the specifications")).url
    }
}

/// Where `tests/run contract` installed Prism.
fn packages() -> PathBuf {
    let named = std::env::var_os("SIDECAR_TEST_PRISM").map(PathBuf::from);
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/contract/node_modules");
    named.unwrap_or_else(usual)
}
