#!/bin/sh
# Swaps the routing of a queue while the server runs, and back again. Needs a server started by `cargo xtask run`.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
jackfield=${JACKFIELD:-$target/debug/jackfield}
JACKFIELD_KEY_FILE=${JACKFIELD_KEY_FILE:-$target/demo/demo-admin.key}
export JACKFIELD_KEY_FILE

echo "== what decides now"
"$jackfield" binding show queue:support

echo "== longest-idle takes over: the next decision is its own, waiting calls keep waiting"
"$jackfield" plugin upload "$target/plugins/longest-idle-0.1.0.wasm"
"$jackfield" binding set queue:support longest-idle@0.1.0

echo "== and back, with a shorter way to a relaxed choice"
"$jackfield" binding set queue:support skills-routing@0.1.0 --config "$root/examples/first-swap/relaxed.json"

echo "== what has decided when"
"$jackfield" binding history queue:support
