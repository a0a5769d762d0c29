//! Journal, tables and blobs behind one tenant-scoped handle (floor 2).
