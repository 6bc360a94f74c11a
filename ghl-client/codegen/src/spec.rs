//! Reads the published specifications: a folder with `apps/*.json` (v2) and `apps/v3/*.json` (v3).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::{
    digest::{Api, Content, Group, OperationFacts, files},
    json::Json,
    shape::{FieldShape, Shape},
};

/// Groups whose file has another name in v3: what v3 calls them, and what v2 does.
const RENAMED: [(&str, &str); 3] =
    [("ad-publishing", "ad-manager"), ("saas", "saas-api"), ("social-planner", "social-media-posting")];

/// Reads all groups, sorted by name.
///
/// # Errors
/// When a file cannot be read, or says something that the digest has no place for.
pub fn read(folder: &Path) -> Result<Vec<Group>, String> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (below, v3) in [("apps", false), ("apps/v3", true)] {
        let paths = files(&folder.join(below)).map_err(|error| format!("{}/{below}: {error}", folder.display()))?;
        for path in paths {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = group_name(&stem);
            let api = api(&path, format!("{below}/{stem}.json")).map_err(|why| format!("{}: {why}", path.display()))?;
            let group = groups.entry(name.clone()).or_insert_with(|| Group { name, v2: None, v3: None });
            *(if v3 { &mut group.v3 } else { &mut group.v2 }) = Some(api);
        }
    }
    Ok(groups.into_values().collect())
}

fn group_name(stem: &str) -> String {
    let stem = stem.strip_suffix("-v3").unwrap_or(stem);
    RENAMED.iter().find(|(v3, _)| *v3 == stem).map_or(stem, |(_, v2)| v2).to_owned()
}

fn api(path: &Path, file: String) -> Result<Api, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let mut sha256 = String::new();
    for byte in Sha256::digest(&bytes) {
        let _ = write!(sha256, "{byte:02x}");
    }
    let document: Json = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let mut operations = Vec::new();
    for (path, item) in document.get("paths").map(Json::fields).unwrap_or_default() {
        for (method, facts) in item.fields() {
            operations.push(operation(method, path, facts).map_err(|why| format!("{method} {path}: {why}"))?);
        }
    }
    let schemas = reachable(&operations, &document)?;
    Ok(Api { file, sha256, operations, schemas })
}

fn operation(method: &str, path: &str, facts: &Json) -> Result<OperationFacts, String> {
    let parameters = facts.get("parameters").map(Json::items).unwrap_or_default();
    let parameter = |json: &Json| FieldShape {
        name: json.str("name").unwrap_or_default().to_owned(),
        required: json.is_true("required"),
        waived: false,
        // Some are described beside their schema, which then says nothing.
        shape: Shape::from_schema(if json.get("oneOf").is_some() { json } else { json.get("schema").unwrap_or(json) }),
    };
    let place = |wanted: &'static str| parameters.iter().filter(move |json| json.str("in") == Some(wanted));
    let version = place("header").find(|json| json.str("name") == Some("Version"));
    let body = facts.get("requestBody").and_then(|body| body.get("content")?.fields().first());
    let content = |(media, content): &(String, Json)| Content {
        media: media.clone(),
        shape: content.get("schema").map_or_else(|| Shape::plain("any"), Shape::from_schema),
    };
    let (status, answer) = success(facts)?;
    Ok(OperationFacts {
        id: facts.str("operationId").ok_or("no operationId")?.to_owned(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        versions: version.and_then(|json| json.get("schema")).map(|schema| schema.strings("enum")).unwrap_or_default(),
        security: security(facts),
        deprecated: facts.is_true("deprecated"),
        arguments: arguments(path, &place("path").map(parameter).collect::<Vec<_>>()),
        query: once(place("query").map(parameter)),
        body: body.map(content),
        status,
        answer,
    })
}

/// The first description of each name: some list a parameter twice.
fn once(parameters: impl Iterator<Item = FieldShape>) -> Vec<FieldShape> {
    let mut seen = BTreeSet::new();
    parameters.filter(|parameter| seen.insert(parameter.name.clone())).collect()
}

/// The path's placeholders in their order; some have no parameter that describes them.
fn arguments(path: &str, described: &[FieldShape]) -> Vec<FieldShape> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let argument = |name: &str| {
        let found = described.iter().find(|parameter| parameter.name == name).cloned();
        let unknown =
            || FieldShape { name: name.to_owned(), required: true, waived: false, shape: Shape::plain("string") };
        FieldShape { required: true, ..found.unwrap_or_else(unknown) }
    };
    names.map(argument).collect()
}

fn security(facts: &Json) -> Vec<(String, Vec<String>)> {
    let mut schemes: Vec<(String, Vec<String>)> = Vec::new();
    let alternatives = facts.get("security").map(Json::items).unwrap_or_default();
    for (scheme, scopes) in alternatives.iter().flat_map(Json::fields) {
        let scopes = scopes.items().iter().filter_map(Json::as_str);
        match schemes.iter_mut().find(|(name, _)| name == scheme) {
            Some((_, known)) => known.extend(scopes.map(str::to_owned)),
            None => schemes.push((scheme.clone(), scopes.map(str::to_owned).collect())),
        }
    }
    schemes
}

/// The status of success and the shape of its answer: the described one where there are several.
fn success(facts: &Json) -> Result<(u16, Option<Shape>), String> {
    let mut first = None;
    for (status, answer) in facts.get("responses").map(Json::fields).unwrap_or_default() {
        let Ok(status @ 200..300) = status.parse::<u16>() else { continue };
        let content = answer.get("content").and_then(|content| content.fields().first());
        if let Some(schema) = content.and_then(|(_, content)| content.get("schema")) {
            return Ok((status, Some(Shape::from_schema(schema))));
        }
        first = first.or(Some(status));
    }
    Ok((first.ok_or("no answer of success")?, None))
}

/// The schemas that the operations name, and those that these name.
fn reachable(operations: &[OperationFacts], document: &Json) -> Result<BTreeMap<String, Shape>, String> {
    let described = document.get("components").and_then(|components| components.get("schemas"));
    let mut schemas = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    for shape in operations.iter().flat_map(OperationFacts::shapes) {
        shape.names(&mut |name| open.push(name.to_owned()));
    }
    while let Some(name) = open.pop() {
        if schemas.contains_key(&name) {
            continue;
        }
        let schema = described.and_then(|schemas| schemas.get(&name)).ok_or_else(|| format!("no schema {name}"))?;
        let shape = Shape::from_schema(schema);
        shape.names(&mut |name| open.push(name.to_owned()));
        schemas.insert(name, shape);
    }
    Ok(schemas)
}
