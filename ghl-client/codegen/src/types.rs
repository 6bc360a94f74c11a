//! The types of the generated layer, and how two descriptions of the same value become one.

use std::collections::BTreeMap;

use crate::shape::Shape;

/// The place of a model in [`Models`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(pub usize);

/// A type.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Not described.
    Any,
    /// Described as three or more kinds at once.
    Anything,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A boolean.
    Bool,
    /// An object whose fields are not described.
    Object,
    /// A text that is never printed.
    Secret,
    /// A file to be uploaded.
    File,
    /// One of these texts, or another one; with the name of the field it was first met at.
    Enum(Vec<String>, String),
    /// A list.
    List(Box<Type>),
    /// An object of any names.
    Map(Box<Type>),
    /// A model.
    Model(ModelId),
    /// One or the other.
    Either(Box<Type>, Box<Type>),
    /// May be sent as null.
    Nullable(Box<Type>),
}

/// A struct to be written.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Whether v2 and v3 have described it.
    pub described: [bool; 2],
    /// In v2 and in v3, the fields of one alternative and whether it requires them, where the model stands for several.
    pub alternative: [Option<Vec<(String, bool)>>; 2],
}

/// A field of a struct.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its Rust name.
    pub name: String,
    /// Its names on the wire, in v2 and in v3; the first is written, all are read.
    pub wire: [Vec<String>; 2],
    /// Whether it is required, in v2 and in v3.
    pub required: [bool; 2],
    /// Whether v2 and v3 mark it as required although calls without it are taken.
    pub waived: [bool; 2],
    /// Its type.
    pub of: Type,
    /// The type of the specification's example, where it is another one: answers may have either.
    pub seen: Option<Type>,
    /// What the specification limits, such as `at most 100`.
    pub limits: Vec<String>,
    /// How v2 and v3 describe it, without names of what is no object.
    pub shapes: [Option<Shape>; 2],
}

/// All models of a group. Models that turned out to be the same are merged; the older one stays.
#[derive(Debug, Default)]
pub struct Models {
    models: Vec<Model>,
    same_as: BTreeMap<ModelId, ModelId>,
}

impl Models {
    /// Adds a model.
    pub fn add(&mut self, model: Model) -> ModelId {
        self.models.push(model);
        ModelId(self.models.len() - 1)
    }

    /// The model that stands for it now.
    pub fn root(&self, mut id: ModelId) -> ModelId {
        while let Some(&next) = self.same_as.get(&id) {
            id = next;
        }
        id
    }

    /// A model.
    pub fn get(&self, id: ModelId) -> &Model {
        &self.models[self.root(id).0]
    }

    /// A model, to be filled.
    pub fn get_mut(&mut self, id: ModelId) -> &mut Model {
        let root = self.root(id);
        &mut self.models[root.0]
    }

    /// The models that stand for themselves.
    pub fn roots(&self) -> impl Iterator<Item = ModelId> {
        (0..self.models.len()).map(ModelId).filter(|id| !self.same_as.contains_key(id))
    }

    /// Whether a generation has described both models.
    pub fn overlap(&self, one: ModelId, other: ModelId) -> bool {
        let [one, other] = [self.get(one), self.get(other)];
        (0..2).any(|generation| one.described[generation] && other.described[generation])
    }

    /// A copy of a model as one generation alone has it.
    pub fn part(&mut self, id: ModelId, generation: usize) -> ModelId {
        let other = 1 - generation;
        let mut part = self.get(id).clone();
        part.fields.retain(|field| !field.wire[generation].is_empty());
        for field in &mut part.fields {
            field.wire[other].clear();
            (field.required[other], field.waived[other], field.shapes[other]) = (false, false, None);
        }
        (part.described[other], part.alternative[other]) = (false, None);
        self.add(part)
    }

    /// Makes two models one.
    pub fn merge(&mut self, one: ModelId, other: ModelId) -> ModelId {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return one;
        }
        let (kept, gone) = (one.min(other), one.max(other));
        self.same_as.insert(gone, kept);
        for generation in 0..2 {
            let alternative = self.models[gone.0].alternative[generation].take();
            self.models[kept.0].alternative[generation] =
                self.models[kept.0].alternative[generation].take().or(alternative);
            if self.models[kept.0].described[generation] && self.models[gone.0].described[generation] {
                self.loosen(kept, gone, generation);
                self.loosen(gone, kept, generation);
            }
            self.models[kept.0].described[generation] |= self.models[gone.0].described[generation];
        }
        for field in std::mem::take(&mut self.models[gone.0].fields) {
            self.merge_field(kept, field);
        }
        kept
    }

    /// Where one generation describes two models that become one, what one of them lacks is not required.
    fn loosen(&mut self, model: ModelId, other: ModelId, generation: usize) {
        let [model, other] = [model.0, other.0];
        let has = |name: &str, field: &Field| field.name == name && !field.wire[generation].is_empty();
        let lacks = |name: &str| !self.models[other].fields.iter().any(|field| has(name, field));
        let loose: Vec<bool> = self.models[model].fields.iter().map(|field| lacks(&field.name)).collect();
        for (field, _) in self.models[model].fields.iter_mut().zip(loose).filter(|(_, loose)| *loose) {
            field.required[generation] = false;
        }
    }

    /// Adds a field to a model, or makes it one with the field of that name.
    pub fn merge_field(&mut self, model: ModelId, field: Field) {
        let model = self.root(model);
        let Some(place) = self.models[model.0].fields.iter().position(|known| known.name == field.name) else {
            self.models[model.0].fields.push(field);
            return;
        };
        let known = self.models[model.0].fields[place].of.clone();
        let merged = self.one(known, field.of);
        // The model may itself have been merged into another one meanwhile.
        let model = self.root(model);
        let Some(known) = self.models[model.0].fields.iter_mut().find(|known| known.name == field.name) else { return };
        known.of = merged;
        for generation in 0..2 {
            known.required[generation] = match (known.wire[generation].is_empty(), field.wire[generation].is_empty()) {
                (true, _) => field.required[generation],
                (_, true) => known.required[generation],
                _ => known.required[generation] && field.required[generation],
            };
            known.waived[generation] |= field.waived[generation];
            if known.shapes[generation].is_none() {
                known.shapes[generation] = field.shapes[generation].clone();
            }
            for name in &field.wire[generation] {
                if !known.wire[generation].contains(name) {
                    known.wire[generation].push(name.clone());
                }
            }
        }
        known.seen = known.seen.take().or(field.seen);
        for limit in field.limits {
            if !known.limits.contains(&limit) {
                known.limits.push(limit);
            }
        }
    }

    /// The one type that holds what either of two can.
    pub fn one(&mut self, one: Type, other: Type) -> Type {
        use Type::{Any, Anything, Bool, Either, Enum, File, List, Map, Model, Nullable, Number, Object, Secret, Text};
        match (one, other) {
            (one, other) if one == other => one,
            (Anything, _) | (_, Anything) => Anything,
            // What one generation leaves undescribed, the other describes.
            (Any, described) | (described, Any) => described,
            (Nullable(one), other) => nullable(self.one(*one, unwrapped(other))),
            (one, Nullable(other)) => nullable(self.one(one, *other)),
            (Enum(mut values, name), Enum(more, _)) => {
                for value in more {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                Enum(values, name)
            }
            (Enum(values, name), Text) | (Text, Enum(values, name)) => Enum(values, name),
            (Secret, Text | Enum(..)) | (Text | Enum(..), Secret) => Secret,
            (Model(one), Model(other)) => Model(self.merge(one, other)),
            (Model(id), Object) | (Object, Model(id)) => Model(id),
            (Map(_), Object) | (Object, Map(_)) => Object,
            (List(one), List(other)) => List(Box::new(self.one(*one, *other))),
            (Map(one), Map(other)) => Map(Box::new(self.one(*one, *other))),
            (Either(first, second), other) | (other, Either(first, second)) => self.third(*first, *second, other),
            (one, other) => {
                let rank = |kind: &Type| match kind {
                    File => 0,
                    Text | Enum(..) | Secret => 1,
                    Bool => 2,
                    Number => 3,
                    _ => 4,
                };
                let (first, second) = if rank(&one) <= rank(&other) { (one, other) } else { (other, one) };
                Either(Box::new(first), Box::new(second))
            }
        }
    }

    /// A third alternative joins the one of its own kind; where there is none, nothing is left to say.
    fn third(&mut self, first: Type, second: Type, other: Type) -> Type {
        let alike = |one: &Type, other: &Type| {
            std::mem::discriminant(one) == std::mem::discriminant(other)
                || matches!((one, other), (Type::Text, Type::Enum(..)) | (Type::Enum(..), Type::Text))
                || matches!((one, other), (Type::Model(_), Type::Object) | (Type::Object, Type::Model(_)))
        };
        if let Type::Either(third, fourth) = other {
            let joined = self.third(first, second, *third);
            return self.one(joined, *fourth);
        }
        if alike(&first, &other) {
            let joined = self.one(first, other);
            return Type::Either(Box::new(joined), Box::new(second));
        }
        if alike(&second, &other) {
            let joined = self.one(second, other);
            return Type::Either(Box::new(first), Box::new(joined));
        }
        Type::Anything
    }
}

fn nullable(of: Type) -> Type {
    match of {
        Type::Nullable(_) | Type::Any | Type::Anything => of,
        of => Type::Nullable(Box::new(of)),
    }
}

fn unwrapped(of: Type) -> Type {
    match of {
        Type::Nullable(of) => *of,
        of => of,
    }
}
