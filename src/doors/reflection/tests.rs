use std::collections::BTreeSet;

use prost_types::FileDescriptorProto;

use super::*;

fn names(files: &[bytes::Bytes]) -> Vec<String> {
    let decode = |file: &bytes::Bytes| FileDescriptorProto::decode(file.clone()).unwrap();
    files.iter().map(|file| decode(file).name().to_owned()).collect()
}

fn asked(asked: Asked) -> Answer {
    answer(Request { host: "gate".to_owned(), asked: Some(asked) })
}

fn symbol(name: &str) -> Told {
    asked(Asked::Symbol(name.to_owned())).told.unwrap()
}

#[test]
fn lists_what_is_served() {
    let request = Asked::Services("*".to_owned());
    let answer = asked(request.clone());
    assert_eq!(answer.valid_host, "gate");
    assert_eq!(answer.original_request.unwrap().asked, Some(request));
    let Some(Told::Services(Services { services })) = answer.told else { panic!("no services") };
    let names: Vec<&str> = services.iter().map(|service| &*service.name).collect();
    assert_eq!(
        names,
        [
            "envoy.service.auth.v3.Authorization",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ]
    );
    for name in names {
        assert!(describes(name));
    }
    assert!(!describes("") && !describes("Authorization"));
}

#[test]
fn finds_whatever_a_file_declares() {
    for (name, file) in [
        ("envoy.service.auth.v3.Authorization", "envoy/service/auth/v3/external_auth.proto"),
        ("envoy.service.auth.v3.Authorization.Check", "envoy/service/auth/v3/external_auth.proto"),
        ("envoy.service.auth.v3.CheckRequest", "envoy/service/auth/v3/external_auth.proto"),
        (
            "envoy.service.auth.v3.AttributeContext.HttpRequest.HeadersEntry",
            "envoy/service/auth/v3/attribute_context.proto",
        ),
        (
            "envoy.service.auth.v3.AttributeContext.ContextExtensionsEntry",
            "envoy/service/auth/v3/attribute_context.proto",
        ),
        ("envoy.config.core.v3.Address.pipe", "envoy/config/core/v3/address.proto"),
        ("envoy.config.core.v3.Address.address", "envoy/config/core/v3/address.proto"),
        ("envoy.config.core.v3.HeaderValueOption.ADD_IF_ABSENT", "envoy/config/core/v3/base.proto"),
        ("envoy.type.v3.StatusCode", "envoy/type/v3/http_status.proto"),
        ("envoy.type.v3.Forbidden", "envoy/type/v3/http_status.proto"),
        ("google.protobuf.NULL_VALUE", "google/protobuf/struct.proto"),
        ("grpc.health.v1.Health.Watch", "grpc/health/v1/health.proto"),
        ("grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"),
        ("grpc.reflection.v1alpha.ErrorResponse", "grpc/reflection/v1alpha/reflection.proto"),
    ] {
        let Told::Files(Files { encoded }) = symbol(name) else { panic!("{name}") };
        assert_eq!(names(&encoded)[0], file, "{name}");
        let by_name = asked(Asked::File(file.to_owned())).told;
        assert_eq!(by_name, Some(Told::Files(Files { encoded })), "{file}");
    }
}

#[test]
fn gives_each_file_with_those_that_it_needs() {
    let Told::Files(Files { encoded }) = symbol("envoy.service.auth.v3.Authorization") else {
        panic!("not found")
    };
    let given = names(&encoded);
    let unique: BTreeSet<&String> = given.iter().collect();
    assert_eq!(unique.len(), given.len());
    assert_eq!(given.len(), 7, "{given:?}");
    for file in &encoded {
        let file = FileDescriptorProto::decode(file.clone()).unwrap();
        assert!(file.dependency.iter().all(|other| given.contains(other)), "{file:?}");
        assert!(!file.dependency.contains(file.name.as_ref().unwrap()));
    }
}

/// No field has a type, and no method a message, that isn't described.
#[test]
fn describes_every_type_that_it_mentions() {
    fn types(messages: &[prost_types::DescriptorProto], all: &mut BTreeSet<String>) {
        for message in messages {
            all.extend(message.field.iter().filter_map(|field| field.type_name.clone()));
            types(&message.nested_type, all);
        }
    }
    let mut all = BTreeSet::new();
    for file in files::FILES {
        let encoded = DESCRIPTORS.file(file.name).unwrap()[0].clone();
        let file = FileDescriptorProto::decode(encoded).unwrap();
        types(&file.message_type, &mut all);
        for method in file.service.iter().flat_map(|service| &service.method) {
            all.extend([method.input_type().to_owned(), method.output_type().to_owned()]);
        }
    }
    assert!(all.len() > 25, "{all:?}");
    for name in all {
        assert!(DESCRIPTORS.symbol(name.strip_prefix('.').unwrap()).is_some(), "{name}");
    }
}

#[test]
fn says_what_it_cannot_tell() {
    let code = |told: Option<Told>| match told {
        Some(Told::Error(error)) => error.code,
        other => panic!("{other:?}"),
    };
    for name in ["", "envoy", "envoy.service.auth.v3", "envoy.service.auth.v3.Other", ".a"] {
        assert_eq!(code(Some(symbol(name))), 5, "{name}");
    }
    assert_eq!(code(asked(Asked::File("other.proto".to_owned())).told), 5);
    assert_eq!(code(asked(Asked::Extension(messages::Extension::default())).told), 12);
    assert_eq!(code(asked(Asked::Extensions("google.protobuf.Any".to_owned())).told), 12);
    assert_eq!(code(answer(Request::default()).told), 3);
}
