//! What is to be written for a group: its logical operations, each with what both generations say of it, and their models.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    digest::{Api, Group, OperationFacts},
    json::Json,
    names,
    overrides::Words,
    shape::{FieldShape, Shape},
    types::{Field, Model, ModelId, Models, Type},
};

/// The plan of a group.
#[derive(Debug)]
pub struct Plan {
    /// The group's name.
    pub group: String,
    /// Its methods.
    pub methods: Vec<Method>,
    /// Their models.
    pub models: Models,
    /// Whether v3 alone knows the group.
    pub v3_only: bool,
    /// The names that overrides give to shared enums, by the one that they would have here.
    pub enum_names: BTreeMap<String, String>,
}

/// A logical operation.
#[derive(Debug)]
pub struct Method {
    /// Its Rust name.
    pub name: String,
    /// What is better to use, in words.
    pub rather: Option<String>,
    /// What v2 and v3 say of it.
    pub facts: [Option<OperationFacts>; 2],
    /// The Rust names of the path's placeholders.
    pub arguments: Vec<String>,
    /// The query's parameters.
    pub query: Option<ModelId>,
    /// The body.
    pub body: Option<Type>,
    /// The answer, where one is described.
    pub answer: Option<Type>,
}

/// Plans a group.
///
/// # Errors
/// When two operations would have one name, or the generations disagree in a way that no override settles.
pub fn plan(group: &Group, words: &Words) -> Result<Plan, String> {
    let mut planner = Planner {
        apis: [group.v2.as_ref(), group.v3.as_ref()],
        short: [short_names(group.v2.as_ref()), short_names(group.v3.as_ref())],
        words,
        models: Models::default(),
        named: BTreeMap::new(),
        by_name: BTreeMap::new(),
    };
    let mut methods = Vec::new();
    let mut seen = BTreeSet::new();
    for pair in pairs(group) {
        let method = planner.method(group, pair)?;
        if !seen.insert(method.name.clone()) {
            return Err(format!("{}: two operations are called {}", group.name, method.name));
        }
        methods.push(method);
    }
    let enums = words.enums.iter().filter(|((of, _), _)| *of == group.name);
    let enum_names = enums.map(|((_, own), shared)| (own.clone(), shared.clone())).collect();
    Ok(Plan { group: group.name.clone(), methods, models: planner.models, v3_only: group.v2.is_none(), enum_names })
}

/// The operations of both generations: those of one id, then those of one method and path.
fn pairs(group: &Group) -> Vec<[Option<OperationFacts>; 2]> {
    let operations = |api: &Option<Api>| api.as_ref().map(|api| api.operations.clone()).unwrap_or_default();
    let (v2, mut v3) = (operations(&group.v2), operations(&group.v3));
    let ids: BTreeSet<String> = v2.iter().map(|facts| facts.id.clone()).collect();
    let mut pairs = Vec::new();
    for facts in v2 {
        let place = (facts.method.clone(), without_names(&facts.path));
        let same = v3.iter().position(|other| other.id == facts.id).or_else(|| {
            v3.iter().position(|other| {
                !ids.contains(&other.id) && (other.method.clone(), without_names(&other.path)) == place
            })
        });
        pairs.push([Some(facts), same.map(|place| v3.remove(place))]);
    }
    pairs.extend(v3.into_iter().map(|facts| [None, Some(facts)]));
    pairs
}

/// A path whose placeholders have no names and that has no slash at its end.
fn without_names(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    path.trim_end_matches('/').split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// The Rust names of a generation's schemas: short ones where they tell them apart.
fn short_names(api: Option<&Api>) -> BTreeMap<String, String> {
    let names = || api.into_iter().flat_map(|api| api.schemas.keys());
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for name in names() {
        *uses.entry(names::schema(name)).or_default() += 1;
    }
    let short = |name: &String| {
        let short = names::schema(name);
        if uses[&short] == 1 { short } else { names::pascal(name) }
    };
    names().map(|name| (name.clone(), short(name))).collect()
}

struct Planner<'a> {
    apis: [Option<&'a Api>; 2],
    short: [BTreeMap<String, String>; 2],
    words: &'a Words,
    models: Models,
    /// The models of named schemas, by generation.
    named: BTreeMap<(usize, String), ModelId>,
    /// The model that both generations call so.
    by_name: BTreeMap<String, ModelId>,
}

impl Planner<'_> {
    fn method(&mut self, group: &Group, facts: [Option<OperationFacts>; 2]) -> Result<Method, String> {
        let known = || facts.iter().flatten();
        let first = known().next().ok_or("an operation of no generation")?;
        let given = known().find_map(|facts| self.words.methods.get(&(group.name.clone(), facts.id.clone())));
        let rather = known().find_map(|facts| self.words.rather.get(&(group.name.clone(), facts.id.clone()))).cloned();
        let name = given.cloned().unwrap_or_else(|| names::field(&first.id));
        let at = |what| format!("{} {name}: the generations differ in {what}", group.name);
        if known().any(|facts| facts.arguments.len() != first.arguments.len()) {
            return Err(at("their path's placeholders"));
        }
        let arguments = first.arguments.iter().map(|argument| names::field(&argument.name)).collect();
        let context = names::pascal(name.trim_start_matches("r#"));
        let (mut query, mut body, mut answer) = (None, None, None);
        for (generation, facts) in facts.iter().enumerate().filter_map(|(place, facts)| Some((place, facts.as_ref()?)))
        {
            if !facts.query.is_empty() {
                let name = format!("{context}Query");
                let id =
                    *query.get_or_insert_with(|| self.models.add(Model { name: name.clone(), ..Model::default() }));
                self.fill(id, generation, &facts.query, &name);
            }
            if let Some(content) = &facts.body {
                let of = self.of(generation, &content.shape, &format!("{context}Body"), "body");
                let of = self.apart(body.as_ref(), of, generation);
                body = Some(self.joined(body, of));
            }
            if let Some(shape) = &facts.answer {
                let of = self.of(generation, shape, &format!("{context}Answer"), "answer");
                answer = Some(self.joined(answer, of));
            }
        }
        Ok(Method { name, rather, facts, arguments, query, body, answer })
    }

    /// The body of a generation, as a model of its own if the known one would become one with that of another operation: what
    /// that requires is not what this does.
    fn apart(&mut self, known: Option<&Type>, of: Type, generation: usize) -> Type {
        match (known, of) {
            (Some(&Type::Model(one)), Type::Model(other))
                if self.models.root(one) != self.models.root(other) && self.models.overlap(one, other) =>
            {
                Type::Model(self.models.part(other, generation))
            }
            (_, of) => of,
        }
    }

    fn joined(&mut self, known: Option<Type>, of: Type) -> Type {
        match known {
            Some(known) => self.models.one(known, of),
            None => of,
        }
    }

    /// Adds fields to a model.
    fn fill(&mut self, model: ModelId, generation: usize, fields: &[FieldShape], context: &str) {
        for field in fields {
            // Beside an `id`, an `_id` is a value of its own.
            let beside = field.name.strip_prefix('_').is_some_and(|name| fields.iter().any(|field| field.name == name));
            let given = self.words.names.get(&field.name).cloned();
            let name = given.unwrap_or_else(|| names::field(&field.name));
            let name = match mark(&field.shape, "as").and_then(Json::as_str) {
                Some(name) => name.to_owned(),
                None if beside => format!("underscore_{name}"),
                None => name,
            };
            let field = self.field(generation, field, name, context);
            self.models.merge_field(model, field);
        }
        self.models.get_mut(model).described[generation] = true;
    }

    fn field(&mut self, generation: usize, field: &FieldShape, name: String, context: &str) -> Field {
        let context = format!("{context}{}", names::pascal(&field.name));
        let (shape, seen) = without_example(&field.shape);
        let mut of = self.of(generation, &shape, &context, &name);
        let seen = seen.map(|seen| self.of(generation, &seen, &context, &name));
        if self.words.secrets.contains(&name) && of == Type::Text {
            of = Type::Secret;
        }
        let mut wire = [Vec::new(), Vec::new()];
        wire[generation].push(field.name.clone());
        let mut required = [false; 2];
        required[generation] = field.required;
        let mut waived = [false; 2];
        waived[generation] = field.waived;
        let mut shapes = [None, None];
        shapes[generation] = Some(self.resolved(generation, &field.shape));
        Field { name, wire, required, waived, of, seen, limits: limits(&field.shape), shapes }
    }

    /// A shape with what is named but no object written out.
    fn resolved(&self, generation: usize, shape: &Shape) -> Shape {
        let inner = |shape: &Shape| Box::new(self.resolved(generation, shape));
        match shape {
            Shape::Named(name) => match self.schema(generation, name) {
                Some(schema) if !self.is_object(generation, &schema) => self.resolved(generation, &schema),
                _ => shape.clone(),
            },
            Shape::List(item) => Shape::List(inner(item)),
            Shape::Map(value) => Shape::Map(inner(value)),
            Shape::Marked { shape, marks } => Shape::Marked { shape: inner(shape), marks: marks.clone() },
            Shape::One(shapes) => Shape::One(shapes.iter().map(|shape| self.resolved(generation, shape)).collect()),
            other => other.clone(),
        }
    }

    /// The type of a shape; `context` names it if it has no name of its own.
    fn of(&mut self, generation: usize, shape: &Shape, context: &str, name: &str) -> Type {
        match shape {
            Shape::Plain { kind, .. } => match kind.as_str() {
                "string" => Type::Text,
                "number" | "integer" => Type::Number,
                "boolean" => Type::Bool,
                "object" => Type::Object,
                "file" => Type::File,
                _ => Type::Any,
            },
            Shape::Enum(values) => {
                // Some list a value twice.
                let mut seen = BTreeSet::new();
                let values = values.iter().filter(|value| seen.insert(*value)).cloned().collect();
                Type::Enum(values, names::pascal(name.trim_start_matches("r#")))
            }
            Shape::List(item) => Type::List(Box::new(self.of(generation, item, context, name))),
            Shape::Map(value) => Type::Map(Box::new(self.of(generation, value, context, name))),
            Shape::Marked { shape, marks } => {
                let of = self.of(generation, shape, context, name);
                let seen = marks.iter().find(|(mark, _)| mark == "example");
                let of = match seen.and_then(|(_, seen)| Shape::parse(seen).ok()) {
                    Some(seen) => {
                        let seen = self.of(generation, &seen, context, name);
                        self.models.one(of, seen)
                    }
                    None => of,
                };
                let null = marks.iter().any(|(mark, value)| mark == "nullable" && *value == Json::Bool(true));
                if null && !matches!(of, Type::Any | Type::Anything) { Type::Nullable(Box::new(of)) } else { of }
            }
            Shape::Named(schema) => self.named(generation, schema, name),
            Shape::Fields(fields) => {
                let id = self.models.add(Model { name: context.to_owned(), ..Model::default() });
                self.fill(id, generation, fields, context);
                Type::Model(id)
            }
            Shape::All(_) => {
                let id = self.models.add(Model { name: context.to_owned(), ..Model::default() });
                self.fill(id, generation, &self.flat(generation, shape), context);
                Type::Model(id)
            }
            Shape::One(shapes) => self.alternatives(generation, shapes, context, name),
        }
    }

    fn named(&mut self, generation: usize, schema: &str, name: &str) -> Type {
        let Some(shape) = self.schema(generation, schema) else { return Type::Any };
        let short = self.short[generation].get(schema).cloned().unwrap_or_else(|| names::schema(schema));
        if !self.is_object(generation, &shape) {
            return self.of(generation, &shape, &short, name);
        }
        let key = (generation, schema.to_owned());
        if let Some(&id) = self.named.get(&key) {
            return Type::Model(id);
        }
        let id = self.models.add(Model { name: short.clone(), ..Model::default() });
        self.named.insert(key, id);
        let fields = self.flat(generation, &shape);
        self.fill(id, generation, &fields, &short);
        self.models.get_mut(id).alternative[generation] = self.alternative(generation, &shape);
        let id = match self.by_name.get(&short) {
            Some(&known) => self.models.merge(known, id),
            None => id,
        };
        self.by_name.insert(short, id);
        Type::Model(id)
    }

    fn schema(&self, generation: usize, name: &str) -> Option<Shape> {
        self.apis[generation]?.schemas.get(name).cloned()
    }

    /// Whether a shape has fields of its own.
    fn is_object(&self, generation: usize, shape: &Shape) -> bool {
        match shape {
            Shape::Fields(_) | Shape::All(_) => true,
            Shape::One(shapes) => shapes.iter().all(|shape| self.is_object(generation, shape)),
            Shape::Named(name) => self.schema(generation, name).is_some_and(|shape| self.is_object(generation, &shape)),
            Shape::Marked { shape, .. } => self.is_object(generation, shape),
            _ => false,
        }
    }

    /// The fields of an object; of parts those of all, required where one requires it; of alternatives those of all, required
    /// where each has and requires it.
    fn flat(&self, generation: usize, shape: &Shape) -> Vec<FieldShape> {
        match shape {
            Shape::Fields(fields) => fields.clone(),
            Shape::Named(name) => {
                self.schema(generation, name).map(|shape| self.flat(generation, &shape)).unwrap_or_default()
            }
            Shape::Marked { shape, .. } => self.flat(generation, shape),
            Shape::All(shapes) => {
                let all: Vec<_> = shapes.iter().flat_map(|shape| self.flat(generation, shape)).collect();
                let required = |name: &str| all.iter().any(|field| field.name == name && field.required);
                all.iter().cloned().map(|field| FieldShape { required: required(&field.name), ..field }).collect()
            }
            Shape::One(shapes) => {
                let alternatives: Vec<_> = shapes.iter().map(|shape| self.flat(generation, shape)).collect();
                let required = |name: &str| {
                    let requires =
                        |fields: &Vec<FieldShape>| fields.iter().any(|field| field.name == name && field.required);
                    alternatives.iter().all(requires)
                };
                let fields = alternatives.iter().flatten().cloned();
                fields.map(|field| FieldShape { required: required(&field.name), ..field }).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The fields of one of several alternatives, and whether the specification requires them: of the first one that is no other
    /// one as well, whatever is set of it.
    fn alternative(&self, generation: usize, shape: &Shape) -> Option<Vec<(String, bool)>> {
        let Shape::One(shapes) = shape else { return None };
        let asks = |field: &FieldShape| field.required || field.waived;
        let all: Vec<_> = shapes.iter().map(|shape| self.flat(generation, shape)).collect();
        let has = |fields: &[FieldShape], name: &str| fields.iter().any(|field| field.name == name);
        let fits = |one: &[FieldShape], other: &[FieldShape]| {
            other.iter().filter(|field| asks(field)).all(|field| has(one, &field.name))
        };
        let alone = |&place: &usize| (0..all.len()).all(|other| other == place || !fits(&all[place], &all[other]));
        let place = (0..all.len()).find(alone).unwrap_or_default();
        Some(all.get(place)?.iter().map(|field| (field.name.clone(), asks(field))).collect())
    }

    /// Objects become one model that has the fields of all; anything else is one or the other.
    fn alternatives(&mut self, generation: usize, shapes: &[Shape], context: &str, name: &str) -> Type {
        let (objects, others): (Vec<_>, Vec<_>) =
            shapes.iter().cloned().partition(|shape| self.is_object(generation, shape));
        let mut joined = None;
        for shape in &others {
            let of = self.of(generation, shape, context, name);
            joined = Some(self.joined(joined, of));
        }
        if !objects.is_empty() {
            let of = match objects.as_slice() {
                [only] => self.of(generation, only, context, name),
                _ => {
                    let id = self.models.add(Model { name: context.to_owned(), ..Model::default() });
                    let all = Shape::One(objects);
                    let fields = self.flat(generation, &all);
                    self.fill(id, generation, &fields, context);
                    self.models.get_mut(id).alternative[generation] = self.alternative(generation, &all);
                    Type::Model(id)
                }
            };
            joined = Some(self.joined(joined, of));
        }
        joined.unwrap_or(Type::Any)
    }
}

/// A field's shape, and that of its example where it is another one.
fn without_example(shape: &Shape) -> (Shape, Option<Shape>) {
    let Shape::Marked { shape: inner, marks } = shape else { return (shape.clone(), None) };
    let (examples, marks): (Vec<_>, Vec<_>) = marks.iter().cloned().partition(|(mark, _)| mark == "example");
    let seen = examples.first().and_then(|(_, seen)| Shape::parse(seen).ok());
    let shape = if marks.is_empty() { (**inner).clone() } else { Shape::Marked { shape: inner.clone(), marks } };
    (shape, seen)
}

/// A mark of a shape.
fn mark<'a>(shape: &'a Shape, name: &str) -> Option<&'a Json> {
    let Shape::Marked { marks, .. } = shape else { return None };
    marks.iter().find(|(mark, _)| mark == name).map(|(_, value)| value)
}

/// What the specification limits, in words.
fn limits(shape: &Shape) -> Vec<String> {
    match shape {
        Shape::Plain { format: Some(format), .. } => vec![format!("Format `{format}`.")],
        Shape::Marked { shape, marks } => {
            let mut all = limits(shape);
            for (mark, value) in marks {
                all.extend(match mark.as_str() {
                    "maximum" => Some(format!("At most {value}.")),
                    "minimum" => Some(format!("At least {value}.")),
                    "maxLength" => Some(format!("At most {value} characters.")),
                    "minLength" => Some(format!("At least {value} characters.")),
                    "maxItems" => Some(format!("At most {value} items.")),
                    "minItems" => Some(format!("At least {value} items.")),
                    "pattern" => value.as_str().map(|pattern| format!("Pattern `{pattern}`.")),
                    _ => None,
                });
            }
            all
        }
        _ => Vec::new(),
    }
}
