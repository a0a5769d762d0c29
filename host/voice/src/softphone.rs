//! A small SIP phone for demonstrations and tests.
