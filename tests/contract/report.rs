use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use ghl_client::api::Generation;
use ghl_codegen::digest::Group;
use serde_json::{Value, json};

use crate::{case::Outcome, prism::Served};

const EXCEPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/exceptions.json");
const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/contract/ghl.json");

/// What became of every call.
#[derive(Debug, Default)]
pub(crate) struct Report {
    outcomes: Vec<(Generation, Outcome)>,
}

impl Report {
    pub(crate) fn add(&mut self, generation: Generation, outcomes: Vec<Outcome>) {
        self.outcomes.extend(outcomes.into_iter().map(|outcome| (generation, outcome)));
    }

    pub(crate) fn called(&self, generation: Generation) -> usize {
        self.outcomes.iter().filter(|(own, outcome)| *own == generation && !outcome.full).count()
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|(_, outcome)| !outcome.full && wanted(outcome)).count()
    }

    /// What is not accepted or not read, by operation and version.
    fn failures(&self) -> BTreeMap<String, &str> {
        let failure = |(generation, outcome): &'_ (Generation, Outcome)| {
            let arguments = if outcome.full { " full" } else { "" };
            format!("{} {generation}{arguments}", outcome.operation.name)
        };
        self.outcomes.iter().filter_map(|entry| Some((failure(entry), entry.1.error.as_deref()?))).collect()
    }

    /// Fields of examples that no field of a type took up, by operation and version. Where a schema wants an object and its
    /// example is a text, Prism answers with an object of single characters: one line for all of them.
    fn unknown(&self) -> BTreeMap<String, BTreeSet<String>> {
        let spelled = |path: &String| match path.rsplit_once('.') {
            Some((above, last)) if last.parse::<usize>().is_ok() => format!("{above} (a text)"),
            _ => path.clone(),
        };
        let minimal = self.outcomes.iter().filter(|(_, outcome)| !outcome.full && !outcome.unknown.is_empty());
        let entry = |(generation, outcome): &(Generation, Outcome)| {
            (format!("{} {generation}", outcome.operation.name), outcome.unknown.iter().map(spelled).collect())
        };
        minimal.map(entry).collect()
    }

    /// Writes `target/contract/ghl.json` and prints the totals.
    pub(crate) fn write(&self, groups: &[Group], served: &[Served]) {
        let known = exceptions();
        let exceptions: Vec<Value> = self
            .failures()
            .iter()
            .map(|(operation, why)| json!({"operation": operation, "reason": known.get(operation), "told": why}))
            .collect();
        let mended: BTreeMap<&str, &Vec<String>> =
            served.iter().filter(|file| !file.mended.is_empty()).map(|file| (&*file.file, &file.mended)).collect();
        let apis = groups.iter().flat_map(|group| [&group.v2, &group.v3]).flatten();
        let specifications: BTreeMap<&str, &str> = apis.map(|api| (&*api.file, &*api.sha256)).collect();
        let report = json!({
            "total": self.count(|_| true),
            "called": self.count(|_| true),
            "accepted": self.count(|outcome| outcome.accepted),
            "decoded": self.count(|outcome| outcome.error.is_none()),
            "decoded_into_named_types": self.count(|outcome| outcome.error.is_none() && outcome.typed),
            "undescribed": self.count(|outcome| !outcome.typed),
            "through_extras_alone": self.unknown(),
            "exceptions": exceptions,
            "mended": mended,
            "specifications": specifications,
        });
        let path = Path::new(REPORT);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, serde_json::to_string_pretty(&report).unwrap() + "\n").unwrap();
        let full = || self.outcomes.iter().filter(|(_, outcome)| outcome.full);
        if full().count() > 0 {
            let accepted = full().filter(|(_, outcome)| outcome.accepted).count();
            println!("figure: contract ghl, with all arguments: {accepted} of {} accepted", full().count());
        }
        println!(
            "proof: contract ghl: asked 1203 called, ≥ 95 % accepted and read; reached {} called, {} accepted, {} read, {} of them undescribed",
            report["called"], report["accepted"], report["decoded"], report["undescribed"]
        );
    }

    /// Whether exactly what the table names fails.
    pub(crate) fn agrees_with_the_exceptions(&self) {
        let (failures, known) = (self.failures(), exceptions());
        let new: Vec<_> = failures.iter().filter(|(operation, _)| !known.contains_key(*operation)).collect();
        let full = self.outcomes.iter().any(|(_, outcome)| outcome.full);
        let called = known.keys().filter(|operation| full || !operation.ends_with(" full"));
        let healed: Vec<_> = called.filter(|operation| !failures.contains_key(*operation)).collect();
        assert!(new.is_empty(), "{} fail and are not in {EXCEPTIONS}:\n{new:#?}", new.len());
        assert!(healed.is_empty(), "these work, take them out of {EXCEPTIONS}: {healed:#?}");
    }
}

/// Operation and version, with the reason.
fn exceptions() -> BTreeMap<String, String> {
    serde_json::from_str(&fs::read_to_string(EXCEPTIONS).unwrap()).unwrap()
}
