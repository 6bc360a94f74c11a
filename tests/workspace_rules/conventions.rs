//! Conventions of hand-written files: their length and the glossary.

use std::collections::BTreeSet;

use crate::sources::{code_only, hand_written_files, identifiers};

const MAX_LINES: usize = 500;

/// Longer files: path and reason.
const ALLOWED_LENGTHS: &[(&str, &str)] = &[];

/// Words that docs/GLOSSARY.md replaces by a standard term. They must not be an identifier or the name of a file.
const BANNED_WORDS: &[&str] = &[
    "AGAIN",
    "Applied",
    "Beat",
    "Begun",
    "Chance",
    "Covered",
    "DOUBTED",
    "Effect",
    "Figure",
    "Fresh",
    "HOPELESS",
    "Handed",
    "HandedOver",
    "KEPT",
    "LOT",
    "Lane",
    "Lot",
    "MOMENT",
    "MOMENTS",
    "Mail",
    "Peer",
    "Perhaps",
    "Purse",
    "SHORTEST",
    "SUSPICIOUS",
    "Site",
    "Swap",
    "Told",
    "Verdict",
    "Visit",
    "again_at",
    "agenda",
    "bring_home",
    "bury",
    "came_with",
    "force_wanted",
    "full_begun",
    "full_wanted",
    "gate",
    "gone_too",
    "is_hopeless",
    "keep_house",
    "mailer",
    "outside",
    "perhaps",
    "purse",
    "put_off_task",
    "send_out",
    "tally",
    "twins",
    "whoever",
    "wishes",
];

/// Uses of a banned word with its standard meaning: path prefix, word, reason.
const ALLOWED_WORDS: &[(&str, &str, &str)] = &[];

#[test]
fn no_hand_written_file_is_longer_than_500_lines() {
    let files = hand_written_files();
    let allowed: BTreeSet<_> = ALLOWED_LENGTHS.iter().map(|(path, _)| *path).collect();
    let long: BTreeSet<_> =
        files.iter().filter(|file| file.text.lines().count() > MAX_LINES).map(|file| file.path.as_str()).collect();
    let new: Vec<_> = long.difference(&allowed).collect();
    assert!(new.is_empty(), "files of more than {MAX_LINES} lines: {new:?}");
    let fixed: Vec<_> = allowed.difference(&long).collect();
    assert!(fixed.is_empty(), "remove from ALLOWED_LENGTHS: {fixed:?}");
}

/// Returns the banned words among the identifiers of a file and in its name.
fn banned_words(path: &str, text: &str) -> BTreeSet<String> {
    let code = code_only(text);
    let name = path.rsplit('/').next().map(|name| name.trim_end_matches(".rs"));
    let words = identifiers(&code).chain(name).filter(|word| BANNED_WORDS.contains(word));
    let allowed = |word: &&str| ALLOWED_WORDS.iter().any(|(prefix, one, _)| path.starts_with(prefix) && one == word);
    words.filter(|word| !allowed(word)).map(str::to_owned).collect()
}

#[test]
fn identifiers_and_file_names_use_the_terms_of_the_glossary() {
    let found: Vec<_> = hand_written_files()
        .iter()
        .flat_map(|file| banned_words(&file.path, &file.text).into_iter().map(|word| format!("{}: {word}", file.path)))
        .collect();
    assert!(found.is_empty(), "terms that docs/GLOSSARY.md replaces:\n{}", found.join("\n"));
}

#[test]
fn a_planted_banned_word_is_reported() {
    let word = BANNED_WORDS[0];
    let found = banned_words("a/b.rs", &format!("// {word}\nlet text = \"{word}\";\n"));
    assert!(found.is_empty(), "comments and literals do not count: {found:?}");
    assert_eq!(banned_words("a/b.rs", &format!("fn f(x: {word}) {{}}")), BTreeSet::from([word.to_owned()]));
    assert_eq!(banned_words(&format!("a/{word}.rs"), ""), BTreeSet::from([word.to_owned()]));
}
