//! Descriptors, made from the table of files: what reflection gives away, by file and by symbol.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use bytes::Bytes;
use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, MessageOptions, MethodDescriptorProto, OneofDescriptorProto,
    ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

use super::files::FILES;

/// A file.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
    pub(super) messages: &'static [Message],
    pub(super) enums: &'static [Enum],
    pub(super) services: &'static [Service],
}

/// A message.
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) nested: &'static [Message],
    pub(super) enums: &'static [Enum],
}

/// A field of a message.
pub(super) struct Field {
    number: i32,
    name: &'static str,
    kind: Kind,
    shape: Shape,
}

/// What a field holds. Messages and enums have full names.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    Bytes,
    Double,
    Enum(&'static str),
    Int32,
    Int64,
    Message(&'static str),
    Text,
}

/// How often it does.
#[derive(Clone, Copy)]
enum Shape {
    One,
    Repeated,
    /// By text.
    Map,
    /// Once, and no other of this name.
    Either(&'static str),
}

/// An enum.
pub(super) struct Enum {
    pub(super) name: &'static str,
    pub(super) values: &'static [(&'static str, i32)],
}

/// A service.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) methods: &'static [Method],
}

/// A method of a service, which takes and gives messages of these full names.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) input: &'static str,
    pub(super) output: &'static str,
    /// Whether the client sends many, and whether the server does.
    pub(super) streams: (bool, bool),
}

pub(super) const fn message(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, fields, nested: &[], enums: &[] }
}

pub(super) const fn one(number: i32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, shape: Shape::One }
}

pub(super) const fn repeated(number: i32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, shape: Shape::Repeated }
}

/// A map from text to `kind`.
pub(super) const fn map(number: i32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, shape: Shape::Map }
}

/// One of the fields of which at most one is there, together called `oneof`.
pub(super) const fn either(
    oneof: &'static str,
    number: i32,
    name: &'static str,
    kind: Kind,
) -> Field {
    Field { number, name, kind, shape: Shape::Either(oneof) }
}

/// Everything that is described.
pub(super) struct Descriptors {
    /// Each with those that it needs, itself first, encoded.
    files: HashMap<&'static str, Vec<Bytes>>,
    /// In which file a symbol is, by full name.
    symbols: HashMap<String, &'static str>,
    services: BTreeSet<String>,
}

/// The descriptors of what is served.
pub(super) static DESCRIPTORS: LazyLock<Descriptors> = LazyLock::new(|| Descriptors::of(&FILES));

impl Descriptors {
    fn of(files: &'static [File]) -> Self {
        let mut protos: HashMap<&str, FileDescriptorProto> = HashMap::new();
        let mut symbols = HashMap::new();
        let mut services = BTreeSet::new();
        for file in files {
            let proto = file.proto();
            symbols.extend(declared(&proto).into_iter().map(|symbol| (symbol, file.name)));
            services.extend(file.services.iter().map(|s| format!("{}.{}", file.package, s.name)));
            protos.insert(file.name, proto);
        }
        for (name, proto) in &mut protos {
            let mut used = BTreeSet::new();
            mentioned(&proto.message_type, &mut used);
            for method in proto.service.iter().flat_map(|service| &service.method) {
                used.extend([method.input_type().to_owned(), method.output_type().to_owned()]);
            }
            let of = used.iter().filter_map(|used| symbols.get(used.trim_start_matches('.')));
            let others: BTreeSet<&str> = of.copied().filter(|other| other != name).collect();
            proto.dependency = others.into_iter().map(str::to_owned).collect();
        }
        let closed = files.iter().map(|file| (file.name, closure(file.name, &protos))).collect();
        Self { files: closed, symbols, services }
    }

    /// The file of this name and those that it needs.
    pub(super) fn file(&self, name: &str) -> Option<&[Bytes]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// The file that declares a symbol, and those that it needs.
    pub(super) fn symbol(&self, symbol: &str) -> Option<&[Bytes]> {
        self.file(self.symbols.get(symbol)?)
    }

    /// The full names of all services.
    pub(super) fn services(&self) -> &BTreeSet<String> {
        &self.services
    }
}

/// The file and those that it needs, each once and itself first.
fn closure(name: &str, protos: &HashMap<&str, FileDescriptorProto>) -> Vec<Bytes> {
    let mut names = vec![name];
    let mut encoded = Vec::new();
    while let Some(proto) = names.get(encoded.len()).and_then(|name| protos.get(name)) {
        encoded.push(Bytes::from(proto.encode_to_vec()));
        for other in &proto.dependency {
            if !names.contains(&other.as_str()) {
                names.push(other);
            }
        }
    }
    encoded
}

/// The full names of everything that a file declares.
fn declared(file: &FileDescriptorProto) -> Vec<String> {
    let package = file.package();
    let mut names = Vec::new();
    in_messages(package, &file.message_type, &mut names);
    in_enums(package, &file.enum_type, &mut names);
    for service in &file.service {
        let name = format!("{package}.{}", service.name());
        names.extend(service.method.iter().map(|method| format!("{name}.{}", method.name())));
        names.push(name);
    }
    names
}

fn in_messages(scope: &str, messages: &[DescriptorProto], names: &mut Vec<String>) {
    for message in messages {
        let name = format!("{scope}.{}", message.name());
        names.extend(message.field.iter().map(|field| format!("{name}.{}", field.name())));
        names.extend(message.oneof_decl.iter().map(|oneof| format!("{name}.{}", oneof.name())));
        in_messages(&name, &message.nested_type, names);
        in_enums(&name, &message.enum_type, names);
        names.push(name);
    }
}

fn in_enums(scope: &str, enums: &[EnumDescriptorProto], names: &mut Vec<String>) {
    for each in enums {
        names.push(format!("{scope}.{}", each.name()));
        // Values are the siblings of their enum, as in C++.
        names.extend(each.value.iter().map(|value| format!("{scope}.{}", value.name())));
    }
}

/// The types that fields have.
fn mentioned(messages: &[DescriptorProto], names: &mut BTreeSet<String>) {
    for message in messages {
        names.extend(message.field.iter().filter_map(|field| field.type_name.clone()));
        mentioned(&message.nested_type, names);
    }
}

impl File {
    fn proto(&self) -> FileDescriptorProto {
        FileDescriptorProto {
            name: Some(self.name.to_owned()),
            package: Some(self.package.to_owned()),
            message_type: self.messages.iter().map(|m| m.proto(self.package)).collect(),
            enum_type: self.enums.iter().map(Enum::proto).collect(),
            service: self.services.iter().map(Service::proto).collect(),
            syntax: Some("proto3".to_owned()),
            ..FileDescriptorProto::default()
        }
    }
}

impl Message {
    fn proto(&self, scope: &str) -> DescriptorProto {
        let name = format!("{scope}.{}", self.name);
        let mut proto = DescriptorProto {
            name: Some(self.name.to_owned()),
            nested_type: self.nested.iter().map(|nested| nested.proto(&name)).collect(),
            enum_type: self.enums.iter().map(Enum::proto).collect(),
            ..DescriptorProto::default()
        };
        for field in self.fields {
            let mut described = field.kind.proto(field.number, field.name);
            match field.shape {
                Shape::One => {}
                Shape::Repeated => described.set_label(Label::Repeated),
                Shape::Map => {
                    let entry = entry(field.name, field.kind);
                    described.set_label(Label::Repeated);
                    described.set_type(Type::Message);
                    described.type_name = Some(format!(".{name}.{}", entry.name()));
                    proto.nested_type.push(entry);
                }
                Shape::Either(oneof) => {
                    let known = proto.oneof_decl.iter().position(|other| other.name() == oneof);
                    let index = known.unwrap_or(proto.oneof_decl.len());
                    if known.is_none() {
                        let name = Some(oneof.to_owned());
                        proto.oneof_decl.push(OneofDescriptorProto { name, options: None });
                    }
                    described.oneof_index = i32::try_from(index).ok();
                }
            }
            proto.field.push(described);
        }
        proto
    }
}

/// The message that is an entry of a map, as `protoc` names it.
fn entry(field: &str, kind: Kind) -> DescriptorProto {
    let mut name = String::new();
    for word in field.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    DescriptorProto {
        name: Some(format!("{name}Entry")),
        field: vec![Kind::Text.proto(1, "key"), kind.proto(2, "value")],
        options: Some(MessageOptions { map_entry: Some(true), ..MessageOptions::default() }),
        ..DescriptorProto::default()
    }
}

impl Kind {
    /// A field that holds it once.
    fn proto(self, number: i32, name: &str) -> FieldDescriptorProto {
        let (kind, of) = match self {
            Self::Bool => (Type::Bool, None),
            Self::Bytes => (Type::Bytes, None),
            Self::Double => (Type::Double, None),
            Self::Enum(name) => (Type::Enum, Some(name)),
            Self::Int32 => (Type::Int32, None),
            Self::Int64 => (Type::Int64, None),
            Self::Message(name) => (Type::Message, Some(name)),
            Self::Text => (Type::String, None),
        };
        FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(Label::Optional.into()),
            r#type: Some(kind.into()),
            type_name: of.map(|name| format!(".{name}")),
            ..FieldDescriptorProto::default()
        }
    }
}

impl Enum {
    fn proto(&self) -> EnumDescriptorProto {
        let value = |&(name, number): &(&str, i32)| EnumValueDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            options: None,
        };
        EnumDescriptorProto {
            name: Some(self.name.to_owned()),
            value: self.values.iter().map(value).collect(),
            ..EnumDescriptorProto::default()
        }
    }
}

impl Service {
    fn proto(&self) -> ServiceDescriptorProto {
        let method = |method: &Method| MethodDescriptorProto {
            name: Some(method.name.to_owned()),
            input_type: Some(format!(".{}", method.input)),
            output_type: Some(format!(".{}", method.output)),
            options: None,
            client_streaming: Some(method.streams.0),
            server_streaming: Some(method.streams.1),
        };
        ServiceDescriptorProto {
            name: Some(self.name.to_owned()),
            method: self.methods.iter().map(method).collect(),
            options: None,
        }
    }
}
