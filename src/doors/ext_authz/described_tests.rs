//! What reflection says of the messages is what they are: each is encoded with all of its fields
//! and read by its description.

use std::collections::BTreeSet;

use bytes::{Buf, Bytes};
use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint},
};
use prost_types::{DescriptorProto, FieldDescriptorProto, field_descriptor_proto::Type};

use super::{super::reflection, envoy::*, messages::*};

const TEXT: Bytes = Bytes::from_static(b"text");

fn entry() -> Entry {
    Entry { key: TEXT, value: TEXT }
}

fn header() -> HeaderValue {
    HeaderValue { key: TEXT, value: TEXT, raw_value: TEXT }
}

fn option() -> HeaderValueOption {
    HeaderValueOption { header: Some(header()), append_action: 2, keep_empty_value: true }
}

fn request() -> CheckRequest {
    let address = Address {
        socket_address: Some(SocketAddress { address: TEXT }),
        pipe: Some(Pipe { path: TEXT }),
    };
    let http = HttpRequest {
        method: TEXT,
        headers: vec![entry()],
        path: TEXT,
        host: TEXT,
        scheme: TEXT,
        size: 1,
        protocol: TEXT,
        body: TEXT,
        raw_body: TEXT,
        header_map: Some(HeaderMap { headers: vec![header()] }),
    };
    CheckRequest {
        attributes: Some(Attributes {
            source: Some(Peer { address: Some(address), ..Peer::default() }),
            request: Some(AskedRequest { http: Some(http) }),
            context_extensions: vec![entry()],
        }),
    }
}

fn response() -> CheckResponse {
    let text = || "text".to_owned();
    let value = Value { string_value: Some(text()) };
    CheckResponse {
        status: Some(Status { code: 7, message: text() }),
        denied_response: Some(DeniedResponse {
            status: Some(HttpStatus { code: 403 }),
            headers: vec![option()],
            body: TEXT,
        }),
        ok_response: Some(OkResponse {
            headers: vec![option()],
            headers_to_remove: vec![text()],
            response_headers_to_add: vec![option()],
            query_parameters_to_remove: vec![text()],
        }),
        dynamic_metadata: Some(Struct { fields: vec![Field { key: text(), value: Some(value) }] }),
    }
}

/// The description of a message.
fn described(name: &str) -> DescriptorProto {
    let file = reflection::file_with(name).unwrap();
    let rest = name.strip_prefix(file.package()).unwrap().strip_prefix('.').unwrap();
    let mut scope = file.message_type;
    let mut found = None;
    for part in rest.split('.') {
        let message: DescriptorProto = scope.into_iter().find(|m| m.name() == part).unwrap();
        scope = message.nested_type.clone();
        found = Some(message);
    }
    found.unwrap()
}

fn full(message: &str, field: &FieldDescriptorProto) -> String {
    format!("{message}.{}", field.name())
}

/// Reads a message by its description, and adds the names of the fields that it has.
fn read(mut encoded: Bytes, name: &str, met: &mut BTreeSet<String>) {
    let message = described(name);
    while encoded.has_remaining() {
        let (number, wire) = decode_key(&mut encoded).unwrap();
        let field = message.field.iter().find(|f| f.number() as u32 == number);
        let field = field.unwrap_or_else(|| panic!("{name} has no field {number}"));
        met.insert(full(name, field));
        let wanted = match field.r#type() {
            Type::Bool | Type::Enum | Type::Int32 | Type::Int64 => WireType::Varint,
            Type::Bytes | Type::Message | Type::String => WireType::LengthDelimited,
            other => panic!("{other:?}"),
        };
        assert_eq!(wire, wanted, "{name}.{}", field.name());
        let value = decode_varint(&mut encoded).unwrap();
        if wire == WireType::LengthDelimited {
            let value = encoded.split_to(value as usize);
            match field.r#type() {
                Type::Message => read(value, field.type_name().strip_prefix('.').unwrap(), met),
                _ => assert_eq!(value, TEXT),
            }
        }
    }
}

/// The names of all fields that are described.
fn all(name: &str, names: &mut BTreeSet<String>) {
    for field in &described(name).field {
        if names.insert(full(name, field)) && field.r#type() == Type::Message {
            all(field.type_name().strip_prefix('.').unwrap(), names);
        }
    }
}

/// Fields of `message` that are described, and not among those that it has.
fn unmet(message: &impl Message, name: &str) -> Vec<String> {
    let (mut met, mut names) = (BTreeSet::new(), BTreeSet::new());
    read(message.encode_to_vec().into(), name, &mut met);
    all(name, &mut names);
    names.difference(&met).cloned().collect()
}

#[test]
fn messages_are_as_they_are_described() {
    assert_eq!(unmet(&request(), "envoy.service.auth.v3.CheckRequest"), [""; 0]);
    let values = ["null_value", "number_value", "bool_value", "struct_value", "list_value"];
    let mut values = values.map(|kind| format!("google.protobuf.Value.{kind}")).to_vec();
    values.push("google.protobuf.ListValue.values".to_owned());
    values.sort();
    assert_eq!(unmet(&response(), "envoy.service.auth.v3.CheckResponse"), values);
    let asked = HealthRequest { service: "text".to_owned() };
    assert_eq!(unmet(&asked, "grpc.health.v1.HealthCheckRequest"), [""; 0]);
    let told = HealthResponse { status: 1 };
    assert_eq!(unmet(&told, "grpc.health.v1.HealthCheckResponse"), [""; 0]);
}
