//! Bodies that carry files.

use serde_json::{Map, Value};

use crate::model::Upload;

/// A `multipart/form-data` body: its media type with the boundary, and its content. A list is a field for each element.
pub(super) fn multipart(fields: &Map<String, Value>, files: &[(String, Upload)]) -> (String, Vec<u8>) {
    let texts = fields.iter().flat_map(|(name, value)| match value {
        Value::Array(items) => items.iter().map(|item| (name, text(item))).collect(),
        value => vec![(name, text(value))],
    });
    let texts: Vec<(&String, String)> = texts.collect();
    let contents = texts.iter().map(|(_, text)| text.as_bytes()).chain(files.iter().map(|(_, file)| &file.content[..]));
    let boundary = boundary(&contents.collect::<Vec<_>>());
    let mut content = Vec::new();
    let mut part = |head: String, body: &[u8]| {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        content.extend_from_slice(head.as_bytes());
        content.extend_from_slice(body);
        content.extend_from_slice(b"\r\n");
    };
    for (name, text) in &texts {
        part(format!("name=\"{}\"", quoted(name)), text.as_bytes());
    }
    for (name, file) in files {
        let (name, file_name, media) = (quoted(name), quoted(&file.name), file.media.replace(['\r', '\n'], ""));
        part(format!("name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {media}"), &file.content);
    }
    content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), content)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What no part contains.
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

/// Escaped as browsers do it (<https://html.spec.whatwg.org/#multipart-form-data>).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_elements_and_files_are_parts_of_their_own() {
        let fields = json!({"id": "1", "urls": ["a", "b"], "group": true});
        let files = [("file".to_owned(), Upload::new("a\"b.txt", "text/plain", "sidecar-part-0000000000000000"))];
        let (media, content) = multipart(fields.as_object().unwrap(), &files);
        assert_eq!(media, "multipart/form-data; boundary=sidecar-part-0000000000000001", "it occurs in no part");
        let content = String::from_utf8(content).unwrap();
        let parts: Vec<_> = content.split("--sidecar-part-0000000000000001").collect();
        let part =
            |name: &str, text: &str| format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        assert_eq!(parts[0], "");
        assert_eq!(parts[1..5], [part("group", "true"), part("id", "1"), part("urls", "a"), part("urls", "b")]);
        assert_eq!(
            parts[5],
            "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.txt\"\r\nContent-Type: text/plain\r\n\r\n\
             sidecar-part-0000000000000000\r\n"
        );
        assert_eq!(parts[6], "--\r\n");
    }
}
