//! Parses JSON that its sender calls JSON: with a byte order mark, invalid UTF-8, or unpaired surrogates.
//!
//! Valid JSON is parsed directly. Only a body that is rejected is repaired and parsed again.

use serde::de::DeserializeOwned;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const REPLACEMENT: &str = "\\uFFFD";

/// Parses JSON. A byte order mark is skipped; invalid UTF-8 and unpaired surrogates become U+FFFD.
///
/// # Errors
/// [`serde_json::Error`] of the body as sent, if a repair does not help.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    parse(bytes, |bytes| serde_json::from_slice(bytes))
}

/// Calls `parse` with the bytes and, if it rejects them, with the repaired bytes.
///
/// # Errors
/// The error of the first call, if the second fails too or there is nothing to repair.
pub(crate) fn parse<T>(bytes: &[u8], parse: impl Fn(&[u8]) -> serde_json::Result<T>) -> serde_json::Result<T> {
    parse(bytes).or_else(|error| match repaired(bytes) {
        Some(repaired) => parse(&repaired).map_err(|_| error),
        None => Err(error),
    })
}

/// Returns the repaired bytes; `None` if there is nothing to repair.
fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes));
    let text = replace_unpaired_surrogates(&text);
    (text.as_bytes() != bytes).then(|| text.into_bytes())
}

fn replace_unpaired_surrogates(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        replaced.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Surrogate::High), Some(Surrogate::Low)) => 12,
            (Some(_), _) => {
                replaced.push_str(REPLACEMENT);
                rest = &escape[6..];
                continue;
            }
            // The escaped character, such as a second backslash, starts no escape.
            (None, _) => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        replaced.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    replaced.push_str(rest);
    replaced
}

#[derive(Clone, Copy)]
enum Surrogate {
    High,
    Low,
}

/// Returns the kind of surrogate that a text starts with, written as `\uD800`.
fn surrogate(text: &str) -> Option<Surrogate> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Surrogate::High),
        0xDC00..=0xDFFF => Some(Surrogate::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(bytes: &[u8]) -> Value {
        from_slice(bytes).unwrap()
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(read(b"\xEF\xBB\xBF{\"a\": 1}"), json!({"a": 1}));
    }

    #[test]
    fn unpaired_surrogates_are_replaced() {
        for (body, text) in [
            (r#""\ud83d""#, "\u{FFFD}"),
            (r#""a\ud83d b""#, "a\u{FFFD} b"),
            (r#""\ude00""#, "\u{FFFD}"),
            (r#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}\u{1F600}"),
            (r#""\ud83d\ude00\ud83d""#, "\u{1F600}\u{FFFD}"),
            (r#""\\\ud83d""#, "\\\u{FFFD}"),
            (r#""\ud83d\n""#, "\u{FFFD}\n"),
            (r#""\uD83D\u0041""#, "\u{FFFD}A"),
            (r#""\ud83d\\ud83d""#, "\u{FFFD}\\ud83d"),
        ] {
            assert_eq!(read(body.as_bytes()), json!(text), "{body}");
        }
    }

    #[test]
    fn invalid_utf_8_is_replaced() {
        assert_eq!(read(b"\"a\xFF\""), json!("a\u{FFFD}"));
        assert_eq!(read(b"\"\xF0\x9F\x98\""), json!("\u{FFFD}"));
    }

    #[test]
    fn an_escaped_backslash_starts_no_escape() {
        assert_eq!(read(br#""\\ud83d""#), json!("\\ud83d"));
    }

    #[test]
    fn the_error_is_that_of_the_body_as_sent() {
        for body in ["{\"a\": \"\\ud83d\"", "{\"a\": 1", "", "\\", "\"\\u12\"", "1e400"] {
            let as_sent = serde_json::from_slice::<Value>(body.as_bytes()).unwrap_err().to_string();
            assert_eq!(from_slice::<Value>(body.as_bytes()).unwrap_err().to_string(), as_sent, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = from_slice::<Value>(&bytes);
        }

        #[test]
        fn any_escapes_in_a_text_are_parsed(
            parts in prop::collection::vec(prop_oneof!["\\\\u[dD][89a-fA-F][0-9a-f]{2}", "\\\\[nt\\\\\"]", "[a-z\u{e4} ]"], 0..20),
        ) {
            let body = format!("\"{}\"", parts.concat());
            prop_assert!(from_slice::<String>(body.as_bytes()).is_ok(), "{}", body);
        }
    }
}
