//! Dual-channel recordings on disk.
