use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{outcome::Outcome, prism::Served};

/// What follows the path of an object that is a text in the example.
const SPELLED: &str = " (a text)";

/// What became of every call of a provider.
#[derive(Debug)]
pub(crate) struct Report {
    provider: &'static str,
    asked: &'static str,
    outcomes: Vec<Outcome>,
}

impl Report {
    /// Of nothing yet; `asked` is what the proof line names as the goal.
    pub(crate) fn new(provider: &'static str, asked: &'static str) -> Self {
        Self { provider, asked, outcomes: Vec::new() }
    }

    pub(crate) fn add(&mut self, outcomes: Vec<Outcome>) {
        self.outcomes.extend(outcomes);
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| !outcome.full && wanted(outcome)).count()
    }

    /// The share of the calls with few arguments that was accepted and read.
    pub(crate) fn read_share(&self) -> f64 {
        let share = |part: usize, whole: usize| {
            f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
        };
        share(self.count(|outcome| outcome.error.is_none()), self.count(|_| true))
    }

    /// What is not accepted or not read, by operation.
    fn failures(&self) -> BTreeMap<String, &str> {
        let name = |outcome: &Outcome| format!("{}{}", outcome.operation, if outcome.full { " full" } else { "" });
        self.outcomes.iter().filter_map(|outcome| Some((name(outcome), outcome.error.as_deref()?))).collect()
    }

    /// Fields of examples that no field of a type took up, by operation. Where a schema wants an object and its example is a text,
    /// Prism answers with an object of single characters: one line for all of them.
    fn unknown(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let spelled = |path: &String| match path.rsplit_once('.') {
            Some((above, last)) if last.parse::<usize>().is_ok() => format!("{above}{SPELLED}"),
            _ => path.clone(),
        };
        let minimal = self.outcomes.iter().filter(|outcome| !outcome.full && !outcome.unknown.is_empty());
        minimal.map(|outcome| (&*outcome.operation, outcome.unknown.iter().map(spelled).collect())).collect()
    }

    /// Writes `target/contract/<provider>.json` and prints the totals.
    pub(crate) fn write(&self, served: &[Served]) {
        let known = self.exceptions();
        let exceptions: Vec<Value> = self
            .failures()
            .iter()
            .map(|(operation, why)| json!({"operation": operation, "reason": known.get(operation), "told": why}))
            .collect();
        let mended: BTreeMap<&str, &Vec<String>> =
            served.iter().filter(|file| !file.mended.is_empty()).map(|file| (&*file.file, &file.mended)).collect();
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
            "mended": mended,
            "specifications": specifications,
        });
        let path = self.place();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, serde_json::to_string_pretty(&report).unwrap() + "\n").unwrap();
        let full = || self.outcomes.iter().filter(|outcome| outcome.full);
        if full().count() > 0 {
            let accepted = full().filter(|outcome| outcome.accepted).count();
            println!(
                "figure: contract {}, with all arguments: {accepted} of {} accepted",
                self.provider,
                full().count()
            );
        }
        println!(
            "proof: contract {}: asked {}; reached {} called, {} accepted, {} read, {} of them undescribed",
            self.provider, self.asked, report["called"], report["accepted"], report["decoded"], report["undescribed"]
        );
    }

    /// Whether the copy in `docs/providers` says the same; it has the calls with few arguments alone.
    pub(crate) fn agrees_with_its_copy(&self) {
        let [copy, written] = [self.copy(), self.place()];
        if self.outcomes.iter().all(|outcome| !outcome.full) {
            let same = fs::read_to_string(&copy).unwrap_or_default() == fs::read_to_string(&written).unwrap();
            assert!(same, "{} is old: copy {} there", copy.display(), written.display());
        }
    }

    /// Whether a typed field takes up every property of the examples, but of texts that their schema calls objects.
    pub(crate) fn leaves_nothing_to_extras(&self) {
        let mut unknown = self.unknown();
        unknown.values_mut().for_each(|paths| paths.retain(|path| !path.ends_with(SPELLED)));
        unknown.retain(|_, paths| !paths.is_empty());
        assert!(
            unknown.is_empty(),
            "these properties of examples have no field, give them one in overrides.json: {unknown:#?}"
        );
    }

    /// Whether exactly what the table names fails.
    pub(crate) fn agrees_with_the_exceptions(&self) {
        let (failures, known, table) = (self.failures(), self.exceptions(), self.table());
        let new: Vec<_> = failures.iter().filter(|(operation, _)| !known.contains_key(*operation)).collect();
        let full = self.outcomes.iter().any(|outcome| outcome.full);
        let called = known.keys().filter(|operation| full || !operation.ends_with(" full"));
        let healed: Vec<_> = called.filter(|operation| !failures.contains_key(*operation)).collect();
        assert!(new.is_empty(), "{} fail and are not in {}:\n{new:#?}", new.len(), table.display());
        assert!(healed.is_empty(), "these work, take them out of {}: {healed:#?}", table.display());
    }

    fn table(&self) -> PathBuf {
        here(&format!("contract/exceptions/{}.json", self.provider))
    }

    fn place(&self) -> PathBuf {
        here(&format!("../target/contract/{}.json", self.provider))
    }

    fn copy(&self) -> PathBuf {
        here(&format!("../docs/providers/{}-contract.json", self.provider))
    }

    /// Operations, with the reason.
    fn exceptions(&self) -> BTreeMap<String, String> {
        serde_json::from_str(&fs::read_to_string(self.table()).unwrap()).unwrap()
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
