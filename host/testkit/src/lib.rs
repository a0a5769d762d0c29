//! Process helpers, fake peers and a test application (development only).
