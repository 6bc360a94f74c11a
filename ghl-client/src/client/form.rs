//! Form bodies.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::File;

/// Returns the fields of an object as name and text: a list repeats its name, a nested object adds its field names in brackets.
pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        flatten(name.clone(), value, &mut pairs);
    }
    pairs
}

fn flatten(name: String, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::String(text) => pairs.push((name, text.clone())),
        Value::Bool(_) | Value::Number(_) => pairs.push((name, value.to_string())),
        Value::Array(items) => items.iter().for_each(|item| flatten(name.clone(), item, pairs)),
        Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| flatten(format!("{name}[{field}]"), value, pairs));
        }
    }
}

/// Returns a `multipart/form-data` body: its media type with the boundary, and its content.
pub(crate) fn multipart(fields: &[(String, String)], files: &[(Cow<'static, str>, File)]) -> (String, Vec<u8>) {
    let texts = fields.iter().map(|(_, text)| text.as_bytes());
    let boundary = boundary(&texts.chain(files.iter().map(|(_, file)| &file.content[..])).collect::<Vec<_>>());
    let mut content = Vec::new();
    let mut part = |head: String, body: &[u8]| {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        content.extend_from_slice(head.as_bytes());
        content.extend_from_slice(body);
        content.extend_from_slice(b"\r\n");
    };
    for (name, text) in fields {
        part(format!("name=\"{}\"", quoted(name)), text.as_bytes());
    }
    for (name, file) in files {
        let (name, file_name, media) = (quoted(name), quoted(&file.name), file.media.replace(['\r', '\n'], ""));
        part(format!("name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {media}"), &file.content);
    }
    content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), content)
}

/// Returns a boundary that occurs in no part.
fn boundary(parts: &[&[u8]]) -> String {
    let occurs =
        |boundary: &String| parts.iter().any(|part| part.windows(boundary.len()).any(|at| at == boundary.as_bytes()));
    let mut number = 0_u64;
    loop {
        let boundary = format!("sidecar-part-{number:016x}");
        if !occurs(&boundary) {
            return boundary;
        }
        number += 1;
    }
}

/// Escapes a name as browsers do (<https://html.spec.whatwg.org/#multipart-form-data>).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pair(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn a_list_repeats_its_name_and_an_object_brackets_its_fields() {
        let fields = json!({"a": "1", "b": ["x", true], "c": {"d": 2, "e": {"f": "y"}}, "g": null});
        let expected = [pair("a", "1"), pair("b", "x"), pair("b", "true"), pair("c[d]", "2"), pair("c[e][f]", "y")];
        assert_eq!(pairs(&fields), expected);
        assert_eq!(pairs(&Value::Null), []);
    }

    #[test]
    fn each_field_and_each_file_is_a_part() {
        let file = File::new("a\"b\r\n.txt", "text/\r\nplain", "hello");
        let (media, content) = multipart(&[pair("id", "1"), pair("id", "2")], &[("file".into(), file)]);
        let boundary = media.strip_prefix("multipart/form-data; boundary=").unwrap();
        let head = format!("--{boundary}\r\nContent-Disposition: form-data;");
        let expected = format!(
            "{head} name=\"id\"\r\n\r\n1\r\n{head} name=\"id\"\r\n\r\n2\r\n\
             {head} name=\"file\"; filename=\"a%22b%0D%0A.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(content).unwrap(), expected);
    }

    #[test]
    fn the_boundary_occurs_in_no_part() {
        let file = File::new("a", "text/plain", "x sidecar-part-0000000000000000 y");
        let (media, _) = multipart(&[pair("id", "sidecar-part-0000000000000001")], &[("file".into(), file)]);
        assert_eq!(media, "multipart/form-data; boundary=sidecar-part-0000000000000002");
    }
}
