use std::borrow::Cow;

use super::value::File;

/// A `multipart/form-data` body: its media type with the boundary, and its content.
pub(super) fn multipart(fields: &[(String, String)], files: &[(Cow<'static, str>, File)]) -> (String, Vec<u8>) {
    let texts = fields.iter().map(|(_, text)| text.as_bytes());
    let parts: Vec<&[u8]> = texts.chain(files.iter().map(|(_, file)| &file.content[..])).collect();
    let boundary = boundary(&parts);
    let mut content = Vec::new();
    for (name, text) in fields {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n", quoted(name));
        content.extend_from_slice(head.as_bytes());
        content.extend_from_slice(text.as_bytes());
        content.extend_from_slice(b"\r\n");
    }
    for (name, file) in files {
        let (name, file_name, media) = (quoted(name), quoted(&file.name), file.media.replace(['\r', '\n'], ""));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {media}\r\n\r\n"
        );
        content.extend_from_slice(head.as_bytes());
        content.extend_from_slice(&file.content);
        content.extend_from_slice(b"\r\n");
    }
    content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), content)
}

/// What no part contains.
fn boundary(parts: &[&[u8]]) -> String {
    let mut number = 0_u64;
    loop {
        let boundary = format!("sidecar-part-{number:016x}");
        let occurs = |part: &[u8]| part.windows(boundary.len()).any(|window| window == boundary.as_bytes());
        if !parts.iter().any(|part| occurs(part)) {
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
    use super::*;

    fn file(content: &[u8]) -> [(Cow<'static, str>, File); 1] {
        [("file".into(), File { name: "a\"b.txt".into(), media: "text/plain".into(), content: content.to_vec() })]
    }

    #[test]
    fn fields_and_files_are_parts_of_their_own() {
        let (media, content) = multipart(&[("id".into(), "1".into())], &file(b"hello"));
        let boundary = media.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n1\r\n--{boundary}\r\nContent-Disposition: form-data; \
             name=\"file\"; filename=\"a%22b.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(content).unwrap(), expected);
    }

    #[test]
    fn the_boundary_does_not_occur_in_a_part() {
        let (media, _) = multipart(&[], &file(b"x sidecar-part-0000000000000000 y"));
        assert!(media.ends_with("sidecar-part-0000000000000001"), "{media}");
    }
}
