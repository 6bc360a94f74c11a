//! The digest: what the specifications say, without their prose. One file per group, checked in.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    json::Json,
    shape::{FieldShape, Shape, fields_to_json, parse_fields},
};

/// A family of operations, in both generations of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name, which is that of its v2 file where there is one.
    pub name: String,
    /// The dated versions.
    pub v2: Option<Api>,
    /// v3.
    pub v3: Option<Api>,
}

/// One generation of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// The specification it was read from, relative to the folder of the specifications.
    pub file: String,
    /// SHA-256 of that file, in hex.
    pub sha256: String,
    /// Its operations, in the file's order.
    pub operations: Vec<OperationFacts>,
    /// The schemas that an operation reaches, by name.
    pub schemas: BTreeMap<String, Shape>,
}

/// What a specification says of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationFacts {
    /// Its `operationId`.
    pub id: String,
    /// In upper case.
    pub method: String,
    /// The path with its placeholders.
    pub path: String,
    /// The values that the `Version` header may have.
    pub versions: Vec<String>,
    /// The security schemes, each with its scopes; any one of them will do.
    pub security: Vec<(String, Vec<String>)>,
    /// Marked as deprecated.
    pub deprecated: bool,
    /// The path's parameters, in the path's order.
    pub arguments: Vec<FieldShape>,
    /// The query's parameters.
    pub query: Vec<FieldShape>,
    /// The request's body.
    pub body: Option<Content>,
    /// The status of success.
    pub status: u16,
    /// The shape of a successful answer, where one is described.
    pub answer: Option<Shape>,
}

/// A request's body.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The media type.
    pub media: String,
    /// Its shape.
    pub shape: Shape,
}

impl Group {
    /// The generations that there are, with `false` for v2 and `true` for v3.
    pub fn apis(&self) -> impl Iterator<Item = (bool, &Api)> {
        let v2 = self.v2.iter().map(|api| (false, api));
        v2.chain(self.v3.iter().map(|api| (true, api)))
    }

    /// Writes it as a file of the digest.
    pub fn to_json(&self) -> Json {
        let mut entries = vec![("group".to_owned(), Json::text(&self.name))];
        for (v3, api) in self.apis() {
            entries.push((if v3 { "v3" } else { "v2" }.to_owned(), api.to_json()));
        }
        Json::Object(entries)
    }

    /// Reads a file of the digest.
    ///
    /// # Errors
    /// When something in it is not in the digest's notation.
    pub fn parse(json: &Json) -> Result<Self, String> {
        let api = |key| json.get(key).map(Api::parse).transpose();
        Ok(Self { name: text(json, "group")?, v2: api("v2")?, v3: api("v3")? })
    }
}

fn text(json: &Json, key: &str) -> Result<String, String> {
    json.str(key).map(str::to_owned).ok_or_else(|| format!("`{key}` is missing"))
}

impl Api {
    fn to_json(&self) -> Json {
        let schemas = self.schemas.iter().map(|(name, shape)| (name.clone(), shape.to_json())).collect();
        Json::Object(vec![
            ("file".to_owned(), Json::text(&self.file)),
            ("sha256".to_owned(), Json::text(&self.sha256)),
            ("operations".to_owned(), Json::List(self.operations.iter().map(OperationFacts::to_json).collect())),
            ("schemas".to_owned(), Json::Object(schemas)),
        ])
    }

    fn parse(json: &Json) -> Result<Self, String> {
        let operations = json.get("operations").map(Json::items).unwrap_or_default();
        let mut schemas = BTreeMap::new();
        for (name, shape) in json.get("schemas").map(Json::fields).unwrap_or_default() {
            schemas.insert(name.clone(), Shape::parse(shape).map_err(|why| format!("schema {name}: {why}"))?);
        }
        Ok(Self {
            file: text(json, "file")?,
            sha256: text(json, "sha256")?,
            operations: operations.iter().map(OperationFacts::parse).collect::<Result<_, _>>()?,
            schemas,
        })
    }
}

impl OperationFacts {
    fn to_json(&self) -> Json {
        let security = self.security.iter().map(|(scheme, scopes)| (scheme.clone(), Json::texts(scopes))).collect();
        let mut entries = vec![
            ("id", Json::text(&self.id)),
            ("method", Json::text(&self.method)),
            ("path", Json::text(&self.path)),
            ("versions", Json::texts(&self.versions)),
            ("security", Json::Object(security)),
        ];
        if self.deprecated {
            entries.push(("deprecated", Json::Bool(true)));
        }
        if !self.arguments.is_empty() {
            entries.push(("arguments", fields_to_json(&self.arguments)));
        }
        if !self.query.is_empty() {
            entries.push(("query", fields_to_json(&self.query)));
        }
        if let Some(body) = &self.body {
            entries.push(("body", Json::Object(vec![(body.media.clone(), body.shape.to_json())])));
        }
        entries.push(("status", Json::Number(self.status.into())));
        if let Some(answer) = &self.answer {
            entries.push(("answer", answer.to_json()));
        }
        Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    fn parse(json: &Json) -> Result<Self, String> {
        let id = text(json, "id")?;
        let at = |why: String| format!("operation {id}: {why}");
        let fields = |key| json.get(key).map_or(Ok(Vec::new()), parse_fields).map_err(at);
        let content = |(media, shape): &(String, Json)| {
            Ok::<_, String>(Content { media: media.clone(), shape: Shape::parse(shape)? })
        };
        let body = json.get("body").and_then(|body| body.fields().first()).map(content);
        let security = json.get("security").map(Json::fields).unwrap_or_default();
        let scopes = |scopes: &Json| scopes.items().iter().filter_map(Json::as_str).map(str::to_owned).collect();
        Ok(Self {
            method: text(json, "method").map_err(at)?,
            path: text(json, "path").map_err(at)?,
            versions: json.strings("versions"),
            security: security.iter().map(|(scheme, list)| (scheme.clone(), scopes(list))).collect(),
            deprecated: json.is_true("deprecated"),
            arguments: fields("arguments")?,
            query: fields("query")?,
            body: body.transpose().map_err(at)?,
            status: json
                .get("status")
                .and_then(|status| status.to_string().parse().ok())
                .ok_or_else(|| at("no status".to_owned()))?,
            answer: json.get("answer").map(Shape::parse).transpose().map_err(at)?,
            id,
        })
    }

    /// Every shape in it.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        let parameters = self.arguments.iter().chain(&self.query).map(|field| &field.shape);
        parameters.chain(self.body.iter().map(|body| &body.shape)).chain(&self.answer)
    }
}

/// The files of a digest, by group.
///
/// # Errors
/// When the folder or a file cannot be read.
pub fn load(folder: &Path) -> Result<Vec<Group>, String> {
    let mut groups = Vec::new();
    for path in files(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let at = |why: String| format!("{}: {why}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| at(error.to_string()))?;
        let json = Json::parse(&text).map_err(|error| at(error.to_string()))?;
        groups.push(Group::parse(&json).map_err(at)?);
    }
    Ok(groups)
}

/// The JSON files of a folder, sorted.
///
/// # Errors
/// When the folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
