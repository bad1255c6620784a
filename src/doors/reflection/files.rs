//! The files that describe what is served over gRPC: Envoy's and gRPC's own, with their names and
//! numbers, as far as messages are read and written here.

use super::descriptors::{
    Enum, File,
    Kind::{self, Bool, Bytes, Double, Int32, Int64, Text},
    Message, Method, Service, either, map, message, one, repeated,
};

/// The reflection service's own file, which is the same in both of its versions.
macro_rules! reflection {
    ($name:literal, $package:literal) => {
        File {
            name: $name,
            package: $package,
            messages: &[
                message(
                    "ServerReflectionRequest",
                    &[
                        one(1, "host", Text),
                        either("message_request", 3, "file_by_filename", Text),
                        either("message_request", 4, "file_containing_symbol", Text),
                        either(
                            "message_request",
                            5,
                            "file_containing_extension",
                            Kind::Message(concat!($package, ".ExtensionRequest")),
                        ),
                        either("message_request", 6, "all_extension_numbers_of_type", Text),
                        either("message_request", 7, "list_services", Text),
                    ],
                ),
                message(
                    "ExtensionRequest",
                    &[one(1, "containing_type", Text), one(2, "extension_number", Int32)],
                ),
                message(
                    "ServerReflectionResponse",
                    &[
                        one(1, "valid_host", Text),
                        one(
                            2,
                            "original_request",
                            Kind::Message(concat!($package, ".ServerReflectionRequest")),
                        ),
                        either(
                            "message_response",
                            4,
                            "file_descriptor_response",
                            Kind::Message(concat!($package, ".FileDescriptorResponse")),
                        ),
                        either(
                            "message_response",
                            6,
                            "list_services_response",
                            Kind::Message(concat!($package, ".ListServiceResponse")),
                        ),
                        either(
                            "message_response",
                            7,
                            "error_response",
                            Kind::Message(concat!($package, ".ErrorResponse")),
                        ),
                    ],
                ),
                message("FileDescriptorResponse", &[repeated(1, "file_descriptor_proto", Bytes)]),
                message(
                    "ListServiceResponse",
                    &[repeated(1, "service", Kind::Message(concat!($package, ".ServiceResponse")))],
                ),
                message("ServiceResponse", &[one(1, "name", Text)]),
                message(
                    "ErrorResponse",
                    &[one(1, "error_code", Int32), one(2, "error_message", Text)],
                ),
            ],
            enums: &[],
            services: &[Service {
                name: "ServerReflection",
                methods: &[Method {
                    name: "ServerReflectionInfo",
                    input: concat!($package, ".ServerReflectionRequest"),
                    output: concat!($package, ".ServerReflectionResponse"),
                    streams: (true, true),
                }],
            }],
        }
    };
}

/// What is described, a file each.
pub(super) const FILES: [File; 10] = [
    File {
        name: "envoy/service/auth/v3/external_auth.proto",
        package: "envoy.service.auth.v3",
        messages: &[
            message(
                "CheckRequest",
                &[one(1, "attributes", Kind::Message("envoy.service.auth.v3.AttributeContext"))],
            ),
            message(
                "DeniedHttpResponse",
                &[
                    one(1, "status", Kind::Message("envoy.type.v3.HttpStatus")),
                    repeated(2, "headers", HEADER_OPTION),
                    one(3, "body", Text),
                ],
            ),
            message(
                "OkHttpResponse",
                &[
                    repeated(2, "headers", HEADER_OPTION),
                    repeated(5, "headers_to_remove", Text),
                    repeated(6, "response_headers_to_add", HEADER_OPTION),
                    repeated(8, "query_parameters_to_remove", Text),
                ],
            ),
            message(
                "CheckResponse",
                &[
                    one(1, "status", Kind::Message("google.rpc.Status")),
                    either(
                        "http_response",
                        2,
                        "denied_response",
                        Kind::Message("envoy.service.auth.v3.DeniedHttpResponse"),
                    ),
                    either(
                        "http_response",
                        3,
                        "ok_response",
                        Kind::Message("envoy.service.auth.v3.OkHttpResponse"),
                    ),
                    one(4, "dynamic_metadata", STRUCT),
                ],
            ),
        ],
        enums: &[],
        services: &[Service {
            name: "Authorization",
            methods: &[Method {
                name: "Check",
                input: "envoy.service.auth.v3.CheckRequest",
                output: "envoy.service.auth.v3.CheckResponse",
                streams: (false, false),
            }],
        }],
    },
    File {
        name: "envoy/service/auth/v3/attribute_context.proto",
        package: "envoy.service.auth.v3",
        messages: &[Message {
            name: "AttributeContext",
            fields: &[
                one(1, "source", Kind::Message("envoy.service.auth.v3.AttributeContext.Peer")),
                one(4, "request", Kind::Message("envoy.service.auth.v3.AttributeContext.Request")),
                map(10, "context_extensions", Text),
            ],
            nested: &[
                message(
                    "Peer",
                    &[one(1, "address", Kind::Message("envoy.config.core.v3.Address"))],
                ),
                message("Request", &[one(2, "http", HTTP_REQUEST)]),
                message(
                    "HttpRequest",
                    &[
                        one(2, "method", Text),
                        map(3, "headers", Text),
                        one(4, "path", Text),
                        one(5, "host", Text),
                        one(6, "scheme", Text),
                        one(9, "size", Int64),
                        one(10, "protocol", Text),
                        one(11, "body", Text),
                        one(12, "raw_body", Bytes),
                        one(13, "header_map", Kind::Message("envoy.config.core.v3.HeaderMap")),
                    ],
                ),
            ],
            enums: &[],
        }],
        enums: &[],
        services: &[],
    },
    File {
        name: "envoy/config/core/v3/base.proto",
        package: "envoy.config.core.v3",
        messages: &[
            message(
                "HeaderValue",
                &[one(1, "key", Text), one(2, "value", Text), one(3, "raw_value", Bytes)],
            ),
            Message {
                name: "HeaderValueOption",
                fields: &[
                    one(1, "header", HEADER),
                    one(3, "append_action", APPEND_ACTION),
                    one(4, "keep_empty_value", Bool),
                ],
                nested: &[],
                enums: &[Enum {
                    name: "HeaderAppendAction",
                    values: &[
                        ("APPEND_IF_EXISTS_OR_ADD", 0),
                        ("ADD_IF_ABSENT", 1),
                        ("OVERWRITE_IF_EXISTS_OR_ADD", 2),
                        ("OVERWRITE_IF_EXISTS", 3),
                    ],
                }],
            },
            message("HeaderMap", &[repeated(1, "headers", HEADER)]),
        ],
        enums: &[],
        services: &[],
    },
    File {
        name: "envoy/config/core/v3/address.proto",
        package: "envoy.config.core.v3",
        messages: &[
            message("Pipe", &[one(1, "path", Text)]),
            message("SocketAddress", &[one(2, "address", Text)]),
            message(
                "Address",
                &[
                    either(
                        "address",
                        1,
                        "socket_address",
                        Kind::Message("envoy.config.core.v3.SocketAddress"),
                    ),
                    either("address", 2, "pipe", Kind::Message("envoy.config.core.v3.Pipe")),
                ],
            ),
        ],
        enums: &[],
        services: &[],
    },
    File {
        name: "envoy/type/v3/http_status.proto",
        package: "envoy.type.v3",
        messages: &[message(
            "HttpStatus",
            &[one(1, "code", Kind::Enum("envoy.type.v3.StatusCode"))],
        )],
        enums: &[STATUS_CODE],
        services: &[],
    },
    File {
        name: "google/rpc/status.proto",
        package: "google.rpc",
        messages: &[message("Status", &[one(1, "code", Int32), one(2, "message", Text)])],
        enums: &[],
        services: &[],
    },
    // Whole, since tools know it by name and print it in a way of its own.
    File {
        name: "google/protobuf/struct.proto",
        package: "google.protobuf",
        messages: &[
            message("Struct", &[map(1, "fields", VALUE)]),
            message(
                "Value",
                &[
                    either("kind", 1, "null_value", Kind::Enum("google.protobuf.NullValue")),
                    either("kind", 2, "number_value", Double),
                    either("kind", 3, "string_value", Text),
                    either("kind", 4, "bool_value", Bool),
                    either("kind", 5, "struct_value", STRUCT),
                    either("kind", 6, "list_value", Kind::Message("google.protobuf.ListValue")),
                ],
            ),
            message("ListValue", &[repeated(1, "values", VALUE)]),
        ],
        enums: &[Enum { name: "NullValue", values: &[("NULL_VALUE", 0)] }],
        services: &[],
    },
    File {
        name: "grpc/health/v1/health.proto",
        package: "grpc.health.v1",
        messages: &[
            message("HealthCheckRequest", &[one(1, "service", Text)]),
            Message {
                name: "HealthCheckResponse",
                fields: &[one(1, "status", SERVING_STATUS)],
                nested: &[],
                enums: &[Enum {
                    name: "ServingStatus",
                    values: &[
                        ("UNKNOWN", 0),
                        ("SERVING", 1),
                        ("NOT_SERVING", 2),
                        ("SERVICE_UNKNOWN", 3),
                    ],
                }],
            },
        ],
        enums: &[],
        services: &[Service {
            name: "Health",
            methods: &[
                Method {
                    name: "Check",
                    input: "grpc.health.v1.HealthCheckRequest",
                    output: "grpc.health.v1.HealthCheckResponse",
                    streams: (false, false),
                },
                Method {
                    name: "Watch",
                    input: "grpc.health.v1.HealthCheckRequest",
                    output: "grpc.health.v1.HealthCheckResponse",
                    streams: (false, true),
                },
            ],
        }],
    },
    reflection!("grpc/reflection/v1/reflection.proto", "grpc.reflection.v1"),
    reflection!("grpc/reflection/v1alpha/reflection.proto", "grpc.reflection.v1alpha"),
];

const HTTP_REQUEST: Kind = Kind::Message("envoy.service.auth.v3.AttributeContext.HttpRequest");
const HEADER: Kind = Kind::Message("envoy.config.core.v3.HeaderValue");
const HEADER_OPTION: Kind = Kind::Message("envoy.config.core.v3.HeaderValueOption");
const APPEND_ACTION: Kind = Kind::Enum("envoy.config.core.v3.HeaderValueOption.HeaderAppendAction");
const STRUCT: Kind = Kind::Message("google.protobuf.Struct");
const VALUE: Kind = Kind::Message("google.protobuf.Value");
const SERVING_STATUS: Kind = Kind::Enum("grpc.health.v1.HealthCheckResponse.ServingStatus");

const STATUS_CODE: Enum = Enum {
    name: "StatusCode",
    values: &[
        ("Empty", 0),
        ("Continue", 100),
        ("OK", 200),
        ("Created", 201),
        ("Accepted", 202),
        ("NonAuthoritativeInformation", 203),
        ("NoContent", 204),
        ("ResetContent", 205),
        ("PartialContent", 206),
        ("MultiStatus", 207),
        ("AlreadyReported", 208),
        ("IMUsed", 226),
        ("MultipleChoices", 300),
        ("MovedPermanently", 301),
        ("Found", 302),
        ("SeeOther", 303),
        ("NotModified", 304),
        ("UseProxy", 305),
        ("TemporaryRedirect", 307),
        ("PermanentRedirect", 308),
        ("BadRequest", 400),
        ("Unauthorized", 401),
        ("PaymentRequired", 402),
        ("Forbidden", 403),
        ("NotFound", 404),
        ("MethodNotAllowed", 405),
        ("NotAcceptable", 406),
        ("ProxyAuthenticationRequired", 407),
        ("RequestTimeout", 408),
        ("Conflict", 409),
        ("Gone", 410),
        ("LengthRequired", 411),
        ("PreconditionFailed", 412),
        ("PayloadTooLarge", 413),
        ("URITooLong", 414),
        ("UnsupportedMediaType", 415),
        ("RangeNotSatisfiable", 416),
        ("ExpectationFailed", 417),
        ("MisdirectedRequest", 421),
        ("UnprocessableEntity", 422),
        ("Locked", 423),
        ("FailedDependency", 424),
        ("UpgradeRequired", 426),
        ("PreconditionRequired", 428),
        ("TooManyRequests", 429),
        ("RequestHeaderFieldsTooLarge", 431),
        ("InternalServerError", 500),
        ("NotImplemented", 501),
        ("BadGateway", 502),
        ("ServiceUnavailable", 503),
        ("GatewayTimeout", 504),
        ("HTTPVersionNotSupported", 505),
        ("VariantAlsoNegotiates", 506),
        ("InsufficientStorage", 507),
        ("LoopDetected", 508),
        ("NotExtended", 510),
        ("NetworkAuthenticationRequired", 511),
    ],
};
