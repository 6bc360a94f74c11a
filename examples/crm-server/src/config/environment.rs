use std::{ffi::OsString, io};

use super::{BadVariable, VARIABLES};

/// Returns the variables of a `.env` file and then those of the process, which win, and which of both cannot be read.
pub(super) fn variables_with_file() -> (Vec<(String, String)>, Vec<BadVariable>) {
    let (mut variables, mut bad) = match dotenvy::dotenv_iter() {
        Ok(lines) => from_file(lines),
        Err(error) => (Vec::new(), unless_missing(&error).into_iter().collect()),
    };
    let (own, not_utf8) = from_process(std::env::vars_os());
    variables.extend(own);
    bad.extend(not_utf8);
    (variables, bad)
}

fn from_file<R: io::Read>(lines: dotenvy::Iter<R>) -> (Vec<(String, String)>, Vec<BadVariable>) {
    let (mut variables, mut bad) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Ok(pair) => variables.push(pair),
            // The line's text may be a secret.
            Err(dotenvy::Error::LineParse(_, at)) => {
                bad.push(of_file(format!("cannot be read from character {at} of a line on: write NAME=value")))
            }
            Err(error) => {
                bad.push(of_file(format!("cannot be read: {error}")));
                break;
            }
        }
    }
    (variables, bad)
}

fn unless_missing(error: &dotenvy::Error) -> Option<BadVariable> {
    (!error.not_found()).then(|| of_file(format!("cannot be read: {error}")))
}

fn of_file(problem: String) -> BadVariable {
    BadVariable { variable: ".env", problem }
}

/// Ignores variables of other programs that are not UTF-8.
fn from_process(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> (Vec<(String, String)>, Vec<BadVariable>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => good.push((name, value)),
            Err(_) => bad.extend(VARIABLES.iter().filter(|variable| variable.name == name).map(|variable| {
                BadVariable { variable: variable.name, problem: "is not valid UTF-8: set it again".to_owned() }
            })),
        }
    }
    (good, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_line_of_a_file_is_reported_and_the_others_count() {
        let (variables, bad) = from_file(dotenvy::Iter::new(&b"A=1\nno line of ours\nB=2\n"[..]));
        assert_eq!(variables, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())]);
        assert_eq!(bad.len(), 1);
        assert!(!bad[0].to_string().contains("ours"), "{}", bad[0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_rejected_only_for_known_names() {
        use std::os::unix::ffi::OsStringExt;
        let raw = || OsString::from_vec(b"\xff\xfe".to_vec());
        let variables = [("APP_URL".into(), raw()), ("SOMETHING_ELSE".into(), raw()), ("BIND_ADDR".into(), "x".into())];
        let (good, bad) = from_process(variables);
        assert_eq!(good, [("BIND_ADDR".to_owned(), "x".to_owned())]);
        assert_eq!(bad.iter().map(|bad| bad.variable).collect::<Vec<_>>(), ["APP_URL"]);
    }
}
