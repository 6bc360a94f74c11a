use ghl_codegen::digest::{self, Api, Group, OperationFacts};
use serde_json::Value;

use crate::{call::Sent, fits};

/// What the specifications say.
#[derive(Debug)]
pub(crate) struct Digest(Vec<Group>);

impl Digest {
    pub(crate) fn load() -> Self {
        Self(digest::load(&ghl_codegen::home().join("digest")).unwrap())
    }

    /// What about a request is not as published, each beginning with the operation's name.
    pub(crate) fn complaints(&self, sent: &Sent) -> Vec<String> {
        let version = sent.request.header("version");
        let path = path(sent);
        let Some((api, facts)) = self.find(version == "v3", sent.request.method.as_str(), &path) else {
            return vec![format!("{}: {} {path} is not published", sent.operation, sent.request.method)];
        };
        let mut complaints = Vec::new();
        if !facts.versions.is_empty() && !facts.versions.iter().any(|known| known == version) {
            complaints.push(format!("version: `{version}` is none of {:?}", facts.versions));
        }
        query(sent, facts, api, &mut complaints);
        body(sent, facts, api, &mut complaints);
        complaints.into_iter().map(|complaint| format!("{}: {complaint}", sent.operation)).collect()
    }

    /// Of these families, which published operations of the dated versions (or of v3) none of the requests calls, as method and
    /// path; and how many there are.
    pub(crate) fn uncalled(&self, families: &[&str], v3: bool, sent: &[Sent]) -> (usize, Vec<String>) {
        let name = |facts: &OperationFacts| format!("{} {}", facts.method, facts.path);
        let called: Vec<String> = sent
            .iter()
            .filter_map(|sent| self.find(v3, sent.request.method.as_str(), &path(sent)))
            .map(|(_, facts)| name(facts))
            .collect();
        let groups = self.0.iter().filter(|group| families.contains(&group.name.as_str()));
        let apis = groups.filter_map(|group| if v3 { group.v3.as_ref() } else { group.v2.as_ref() });
        let published: Vec<String> = apis.flat_map(|api| api.operations.iter().map(name)).collect();
        let uncalled = published.iter().filter(|operation| !called.contains(operation)).cloned().collect();
        (published.len(), uncalled)
    }

    /// The published operation: of those that match, the one with the fewest placeholders.
    fn find(&self, v3: bool, method: &str, path: &str) -> Option<(&Api, &OperationFacts)> {
        let apis = self.0.iter().filter_map(|group| if v3 { group.v3.as_ref() } else { group.v2.as_ref() });
        let all = apis.flat_map(|api| api.operations.iter().map(move |facts| (api, facts)));
        let matching = all.filter(|(_, facts)| facts.method == method && matches(path, &facts.path));
        matching.min_by_key(|(_, facts)| facts.path.matches('{').count())
    }
}

fn path(sent: &Sent) -> String {
    let url = sent.request.url.strip_prefix(ghl_client::config::BASE_URL).unwrap();
    url.split('?').next().unwrap().to_owned()
}

/// Whether a path is a template with its placeholders filled.
fn matches(path: &str, template: &str) -> bool {
    let (path, template): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
    let fits = |(part, wanted): (&&str, &&str)| wanted.contains('{') && !part.is_empty() || part == wanted;
    path.len() == template.len() && path.iter().zip(&template).all(fits)
}

fn query(sent: &Sent, facts: &OperationFacts, api: &Api, complaints: &mut Vec<String>) {
    let query = sent.query();
    for field in facts.query.iter().filter(|field| field.required) {
        if !query.iter().any(|(name, _)| *name == field.name) {
            complaints.push(format!("query.{}: required and absent", field.name));
        }
    }
    for (name, value) in &query {
        let at = format!("query.{name}");
        match facts.query.iter().find(|field| field.name == *name) {
            Some(field) => fits::text(&field.shape, value, &at, &api.schemas, complaints),
            None => complaints.push(format!("{at}: not published")),
        }
    }
}

fn body(sent: &Sent, facts: &OperationFacts, api: &Api, complaints: &mut Vec<String>) {
    let body = sent.body();
    match &facts.body {
        None if body.is_null() => {}
        None => complaints.push("body: none is published".to_owned()),
        Some(_) if body == Value::Null => complaints.push("body: absent".to_owned()),
        Some(content) => {
            if sent.media() != content.media {
                complaints.push(format!("body: {} instead of {}", sent.media(), content.media));
            }
            fits::value(&content.shape, &body, "body", &api.schemas, complaints);
        }
    }
}
