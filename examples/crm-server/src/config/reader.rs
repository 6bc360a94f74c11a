use std::collections::BTreeMap;

use super::{BadVariable, ConfigError};

/// Reads variables and collects those with invalid values.
pub(super) struct Reader {
    variables: BTreeMap<String, String>,
    bad: Vec<BadVariable>,
}

impl Reader {
    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
        Self { variables: variables.filter(|(_, value)| !value.is_empty()).collect(), bad: Vec::new() }
    }

    /// Adds variables that could not be read.
    pub(super) fn with(mut self, bad: Vec<BadVariable>) -> Self {
        self.bad.extend(bad);
        self
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// Returns the parsed value; an invalid one is collected.
    pub(super) fn parsed<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.variables.get(name)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.reject(name, problem);
                None
            }
        }
    }

    pub(super) fn reject(&mut self, variable: &'static str, problem: impl Into<String>) {
        // An invalid value is not reported as missing too.
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
