use std::collections::BTreeMap;

use super::{BadVariable, ConfigError};

/// Variables being read, and what was wrong with them so far.
pub(super) struct Reader {
    variables: BTreeMap<String, String>,
    bad: Vec<BadVariable>,
}

impl Reader {
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
        Self { variables: variables.filter(|(_, value)| !value.is_empty()).collect(), bad: Vec::new() }
    }

    /// Together with what could not even be read.
    pub(super) fn with(mut self, bad: Vec<BadVariable>) -> Self {
        self.bad.extend(bad);
        self
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// The parsed value; a refusal is remembered.
    pub(super) fn parsed<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.variables.get(name)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.refuse(name, problem);
                None
            }
        }
    }

    pub(super) fn refuse(&mut self, variable: &'static str, problem: impl Into<String>) {
        // A value that was refused is not missing as well.
        if !self.bad.iter().any(|bad| bad.variable == variable) {
            self.bad.push(BadVariable { variable, problem: problem.into() });
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.variables.keys().cloned().collect()
    }

    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.bad.is_empty() { Ok(()) } else { Err(ConfigError(self.bad)) }
    }
}
