use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{outcome::Outcome, prism::Served};

/// The suffix of paths whose schema is an object and whose example is a text.
const TEXT_AS_OBJECT: &str = " (a text)";

/// The outcomes of all calls to a provider.
#[derive(Debug)]
pub(crate) struct Report {
    provider: &'static str,
    requirement: &'static str,
    outcomes: Vec<Outcome>,
}

impl Report {
    /// Creates an empty report; `requirement` is the goal in the proof line.
    pub(crate) fn new(provider: &'static str, requirement: &'static str) -> Self {
        Self { provider, requirement, outcomes: Vec::new() }
    }

    pub(crate) fn add(&mut self, outcomes: Vec<Outcome>) {
        self.outcomes.extend(outcomes);
    }

    fn count(&self, matches: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| !outcome.full && matches(outcome)).count()
    }

    /// Returns the share of calls with required arguments that was accepted and decoded.
    pub(crate) fn decoded_share(&self) -> f64 {
        let share = |part: usize, whole: usize| {
            f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
        };
        share(self.count(|outcome| outcome.error.is_none()), self.count(|_| true))
    }

    /// Returns the failed operations with their errors.
    fn failures(&self) -> BTreeMap<String, &str> {
        let name = |outcome: &Outcome| format!("{}{}", outcome.operation, if outcome.full { " full" } else { "" });
        self.outcomes.iter().filter_map(|outcome| Some((name(outcome), outcome.error.as_deref()?))).collect()
    }

    /// Returns the unknown fields of examples by operation. If the schema is an object and the example is a text, Prism returns
    /// an object of single characters; these become one path.
    fn unknown(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let collapsed = |path: &String| match path.rsplit_once('.') {
            Some((above, last)) if last.parse::<usize>().is_ok() => format!("{above}{TEXT_AS_OBJECT}"),
            _ => path.clone(),
        };
        let minimal = self.outcomes.iter().filter(|outcome| !outcome.full && !outcome.unknown.is_empty());
        minimal.map(|outcome| (&*outcome.operation, outcome.unknown.iter().map(collapsed).collect())).collect()
    }

    /// Writes `target/contract/<provider>.json` and prints the totals.
    pub(crate) fn write(&self, served: &[Served]) {
        let known = self.exceptions();
        let exceptions: Vec<Value> = self
            .failures()
            .iter()
            .map(|(operation, why)| json!({"operation": operation, "reason": known.get(operation), "error": why}))
            .collect();
        let fixes: BTreeMap<&str, &Vec<String>> =
            served.iter().filter(|file| !file.fixes.is_empty()).map(|file| (&*file.file, &file.fixes)).collect();
        let specifications: BTreeMap<&str, &str> = served.iter().map(|file| (&*file.file, &*file.sha256)).collect();
        let report = json!({
            "total": self.count(|_| true),
            "called": self.count(|_| true),
            "accepted": self.count(|outcome| outcome.accepted),
            "decoded": self.count(|outcome| outcome.error.is_none()),
            "decoded_into_named_types": self.count(|outcome| outcome.error.is_none() && outcome.typed),
            "undescribed": self.count(|outcome| !outcome.typed),
            "through_extras_alone": self.unknown(),
            "exceptions": exceptions,
            "fixes": fixes,
            "specifications": specifications,
        });
        let path = self.report_path();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, serde_json::to_string_pretty(&report).unwrap() + "\n").unwrap();
        let full = || self.outcomes.iter().filter(|outcome| outcome.full);
        if full().count() > 0 {
            let accepted = full().filter(|outcome| outcome.accepted).count();
            println!(
                "measurement: contract {}, with all arguments: {accepted} of {} accepted",
                self.provider,
                full().count()
            );
        }
        println!(
            "proof: contract {}: requirement {}; reached {} called, {} accepted, {} decoded, {} of them undescribed",
            self.provider,
            self.requirement,
            report["called"],
            report["accepted"],
            report["decoded"],
            report["undescribed"]
        );
    }

    /// Checks that the copy in `docs/providers` is current; it has only the calls with required arguments.
    pub(crate) fn assert_copy_is_current(&self) {
        let [copy, written] = [self.copy_path(), self.report_path()];
        if self.outcomes.iter().all(|outcome| !outcome.full) {
            let same = fs::read_to_string(&copy).unwrap_or_default() == fs::read_to_string(&written).unwrap();
            assert!(same, "{} is outdated: copy {} to it", copy.display(), written.display());
        }
    }

    /// Checks that every property of the examples has a typed field, except texts whose schema is an object.
    pub(crate) fn assert_no_unknown_fields(&self) {
        let mut unknown = self.unknown();
        unknown.values_mut().for_each(|paths| paths.retain(|path| !path.ends_with(TEXT_AS_OBJECT)));
        unknown.retain(|_, paths| !paths.is_empty());
        assert!(unknown.is_empty(), "properties of examples without a field; add them in overrides.json: {unknown:#?}");
    }

    /// Checks that exactly the operations in the exceptions fail.
    pub(crate) fn assert_exceptions_match(&self) {
        let (failures, known, table) = (self.failures(), self.exceptions(), self.exceptions_path());
        let new: Vec<_> = failures.iter().filter(|(operation, _)| !known.contains_key(*operation)).collect();
        let full = self.outcomes.iter().any(|outcome| outcome.full);
        let called = known.keys().filter(|operation| full || !operation.ends_with(" full"));
        let fixed: Vec<_> = called.filter(|operation| !failures.contains_key(*operation)).collect();
        assert!(new.is_empty(), "{} fail and are not in {}:\n{new:#?}", new.len(), table.display());
        assert!(fixed.is_empty(), "these succeed; remove them from {}: {fixed:#?}", table.display());
    }

    fn exceptions_path(&self) -> PathBuf {
        resolve(&format!("contract/exceptions/{}.json", self.provider))
    }

    fn report_path(&self) -> PathBuf {
        resolve(&format!("../target/contract/{}.json", self.provider))
    }

    fn copy_path(&self) -> PathBuf {
        resolve(&format!("../docs/providers/{}-contract.json", self.provider))
    }

    /// Returns the excepted operations with their reasons.
    fn exceptions(&self) -> BTreeMap<String, String> {
        serde_json::from_str(&fs::read_to_string(self.exceptions_path()).unwrap()).unwrap()
    }
}

fn resolve(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
