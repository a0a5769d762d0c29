//! The HTTP interface: router, authentication, one file per resource, OpenAPI (floor 5).
