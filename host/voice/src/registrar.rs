//! Where agents' phones are registered.
