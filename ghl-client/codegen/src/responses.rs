//! Writes the list of everything that can be read, for the test that reads it in every broken form.

use std::fmt::Write as _;

use crate::{
    emit::{mark, module, reader},
    finish::finish,
    plan::Plan,
    types::{Field, Type},
};

/// The file: `tests/responses/models.rs`.
pub fn responses(plans: &[Plan]) -> String {
    let mut out = mark("codegen/digest");
    out.push_str(
        "use super::{Kind::{Any, Bool, List, Number, Object, Text}, Model, read};\n\nuse ghl_client::api;\n\n",
    );
    out.push_str("pub(super) static MODELS: &[Model] = &[\n");
    for plan in plans {
        let finished = finish(plan);
        for id in &finished.models {
            if !finished.ways[id].read {
                continue;
            }
            let path = format!("{}::{}", module(&plan.group), finished.names[id]);
            let _ = write!(out, "    Model {{ name: \"{path}\", read: read!(api::{path}), fields: &[");
            for field in &plan.models.get(*id).fields {
                let _ = write!(out, "(\"{}\", {}), ", first(field), of(field, finished.ways[id].written));
            }
            out.push_str("] },\n");
        }
    }
    out.push_str("];\n");
    out
}

fn first(field: &Field) -> &str {
    field.wire.iter().flatten().next().map_or("", String::as_str)
}

/// Where the specification contradicts itself, more is read than the type says.
fn of(field: &Field, written: bool) -> &'static str {
    match &field.seen {
        // Read as any value, see `Writer::read`.
        _ if !written && matches!(&field.of, Type::Object) => "Any",
        _ if !written && matches!(&field.of, Type::Nullable(of) if **of == Type::Object) => "Any",
        None => kind(&field.of),
        Some(seen) => match reader(&field.of, seen) {
            Some("flag" | "text") => kind(&field.of),
            _ => "Any",
        },
    }
}

/// What a value of the type looks like in JSON; `Any` where nothing is refused.
fn kind(of: &Type) -> &'static str {
    match of {
        Type::Text | Type::Secret | Type::Enum(..) => "Text",
        Type::Number => "Number",
        Type::Bool => "Bool",
        Type::Object | Type::Map(_) | Type::Model(_) => "Object",
        Type::List(_) => "List",
        Type::Nullable(of) => kind(of),
        Type::Any | Type::Anything | Type::File | Type::Either(..) => "Any",
    }
}
