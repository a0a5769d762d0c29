//! Plugin artifacts and bindings of a tenant (floor 3).
