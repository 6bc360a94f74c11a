//! Rust names for the provider's words.

/// `snake_case` of a wire name or an `operationId`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (place, &character) in characters.iter().enumerate() {
        if !character.is_ascii_alphanumeric() {
            if !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = place.checked_sub(1).map(|place| characters[place]);
        let after = characters.get(place + 1);
        let starts_word = character.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if starts_word && !out.ends_with('_') {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    let trimmed = out.trim_matches('_');
    match trimmed.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{trimmed}"),
        Some(_) => trimmed.to_owned(),
    }
}

/// `snake_case`, usable as a name in Rust: keywords get the underscore that Rust's own style gives them.
pub fn field(name: &str) -> String {
    let name = snake(name);
    match name.as_str() {
        "type" => "kind".to_owned(),
        "self" | "super" | "crate" => format!("{name}_"),
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        _ => name,
    }
}

const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// `PascalCase` of any name.
pub fn pascal(name: &str) -> String {
    let mut out = String::new();
    for word in snake(name).split('_') {
        let mut characters = word.chars();
        out.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(characters.as_str());
    }
    out
}

/// The name of a schema without what says nothing: `Dto`, and the `V3` of those that v2 has as well.
pub fn schema(name: &str) -> String {
    let mut name = pascal(name);
    for ending in ["V3Dto", "DtoV3", "V3Dtov3", "Dtov3", "Dto", "V3"] {
        if let Some(short) = name.strip_suffix(ending).filter(|short| short.len() > 2) {
            name = short.to_owned();
            break;
        }
    }
    if is_reserved(&name) { format!("{name}Model") } else { name }
}

/// Whether the generated files use the name for something else.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

const RESERVED: &[&str] = &[
    "Response",
    "Box",
    "Decode",
    "Either",
    "Err",
    "Family",
    "File",
    "GhlClient",
    "None",
    "Nullable",
    "Number",
    "Object",
    "Ok",
    "Operation",
    "Option",
    "Request",
    "Result",
    "Secret",
    "Some",
    "String",
    "Value",
    "Vec",
    "Write",
    "Endpoint",
    "Media",
    "Method",
    "TokenKinds",
    "ApiVersion",
    "Map",
    "Default",
    "Clone",
    "Debug",
];

/// A variant for a value of an enum.
pub fn variant(value: &str) -> String {
    if value.is_empty() {
        return "Empty".to_owned();
    }
    let worded: String = value
        .chars()
        .map(|character| match character {
            '+' => " plus ".to_owned(),
            '-' if value.len() == 1 || value.starts_with('-') => " minus ".to_owned(),
            '<' => " less ".to_owned(),
            '>' => " more ".to_owned(),
            '=' => " equal ".to_owned(),
            '*' => " star ".to_owned(),
            '&' => " and ".to_owned(),
            '%' => " percent ".to_owned(),
            other => other.to_string(),
        })
        .collect();
    let name = pascal(&worded);
    if matches!(name.as_str(), "Self" | "Other") { format!("{name}Value") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wires_spellings_become_one() {
        for (wire, rust) in [
            ("locationId", "location_id"),
            ("location_id", "location_id"),
            ("delete-Business", "delete_business"),
            ("SMSTemplate", "sms_template"),
            ("address1", "address1"),
            ("24h", "n24h"),
            ("__v", "v"),
        ] {
            assert_eq!(snake(wire), rust);
        }
        assert_eq!(field("type"), "kind");
        assert_eq!(field("match"), "r#match");
        assert_eq!(
            (schema("CreateContactDtoV3").as_str(), schema("CreateContactDto").as_str()),
            ("CreateContact", "CreateContact")
        );
        assert_eq!((variant("24/7").as_str(), variant("+").as_str()), ("N247", "Plus"));
    }
}
