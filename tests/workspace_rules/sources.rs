//! The Rust sources of the workspace, as the rules read them.

use std::process::Command;

use crate::root;

/// A hand-written source file.
pub(crate) struct SourceFile {
    /// The path from the root of the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Returns the tracked Rust files, without the generated ones.
pub(crate) fn hand_written_files() -> Vec<SourceFile> {
    let output = Command::new("git").args(["ls-files", "*.rs"]).current_dir(root()).output().unwrap();
    let paths = String::from_utf8(output.stdout).unwrap();
    paths
        .lines()
        .filter_map(|path| {
            // A file deleted in the working tree is still tracked.
            let text = std::fs::read_to_string(root().join(path)).ok()?;
            Some(SourceFile { path: path.to_owned(), text }).filter(|file| !file.text.starts_with("// @generated"))
        })
        .collect()
}

/// Replaces comments and the contents of string and character literals by spaces. Line breaks stay.
pub(crate) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => quoted_length(rest, '"'),
            'r' if !code.ends_with(is_identifier_char) && raw_string_length(rest) > 0 => raw_string_length(rest),
            '\'' if is_char_literal(rest) => quoted_length(rest, '\''),
            _ => 0,
        };
        if length == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// Returns the identifiers and keywords of code without comments and literals.
pub(crate) fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char| !is_identifier_char(char)).filter(|word| word.starts_with(|first: char| !first.is_ascii_digit()))
}

fn is_identifier_char(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns 0 if the text does not start with a raw string.
fn raw_string_length(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|char| *char == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let (start, end) = (hashes + 2, format!("\"{}", "#".repeat(hashes)));
    text[start..].find(&end).map_or(text.len(), |index| start + index + end.len())
}

/// Returns `true` for `'a'` and `'\n'`, `false` for a lifetime.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    matches!((chars.next(), chars.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}

#[test]
fn code_only_removes_comments_and_literals() {
    let text = "let a = \"x // \\\" y\"; // b\nlet c: &'d str = r#\"e\"#; let f = 'g'; /* h */ let i = '\\'';";
    let code = code_only(text);
    let words: Vec<_> = identifiers(&code).collect();
    assert_eq!(words, ["let", "a", "let", "c", "d", "str", "let", "f", "let", "i"]);
    assert_eq!(code.lines().count(), 2);
}
