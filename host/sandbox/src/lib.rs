//! Runs plugins: wasmtime, limits, one module per plugin kind and per host capability (floor 2).
