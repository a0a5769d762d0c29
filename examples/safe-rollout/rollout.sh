#!/bin/sh
# Rolls a better routing out step by step, and has a broken one taken back, while customers call. Needs a server started by
# `cargo xtask run`; JACKFIELD_URL and JACKFIELD_SIP say where, when it is not at the usual ports. The queue `support` gets
# its strategy back at the end.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
jackfield=${JACKFIELD:-$target/debug/jackfield}
JACKFIELD_KEY_FILE=${JACKFIELD_KEY_FILE:-$target/demo/demo-admin.key}
export JACKFIELD_KEY_FILE
gates=$root/examples/safe-rollout/gates.json

# Whether the rollout at the queue still goes on.
under_way() {
    "$jackfield" plugin rollout --binding queue:support --json | grep -q '"under_way": true'
}

# Waits for the end of the rollout, whichever it is.
over() {
    while under_way; do
        kill -0 $calls 2>/dev/null || { echo "the simulated calls ended:"; cat "$load"; exit 1; }
        sleep 1
    done
}

echo "== longest-idle decides, nobody has after-call work, and customers begin to call"
for plugin in longest-idle last-agent off-by-one; do
    "$jackfield" plugin upload "$target/plugins/$plugin-0.1.0.wasm"
done
"$jackfield" queue set support --name "Support · 支持" --wrap-up 0s
"$jackfield" binding set queue:support longest-idle@0.1.0
load=$(mktemp)
"$jackfield" load --calls 1000 --at-once 2 --talk-ms 200 >"$load" 2>&1 &
calls=$!
trap 'kill $calls 2>/dev/null || true; rm -f "$load"' EXIT

echo "== last-agent: replayed, in shadow, a canary for half of the callers, then active; nobody touches it any more"
sleep 5
"$jackfield" plugin replay --binding queue:support --candidate last-agent@0.1.0
"$jackfield" plugin shadow --binding queue:support last-agent@0.1.0 --gates "$gates" --why "callers like to meet again" \
    --then 50 --then active
over
"$jackfield" plugin rollout --binding queue:support --json | grep -q '"stage": "active"' || {
    "$jackfield" plugin rollout --binding queue:support
    exit 1
}

echo "== off-by-one: its replay shows the mistake, and it is refused"
"$jackfield" plugin replay --binding queue:support --candidate off-by-one@0.1.0
if "$jackfield" plugin canary --binding queue:support --percent 50 off-by-one@0.1.0 --gates "$gates"; then
    echo "it should have been refused"
    exit 1
fi

echo "== somebody forces it; the gates take it back by themselves"
"$jackfield" plugin canary --binding queue:support --percent 50 off-by-one@0.1.0 --gates "$gates" --force --why "surely it is fine"
over
"$jackfield" plugin rollout --binding queue:support --history

echo "== not one caller was lost"
kill $calls
wait $calls || { cat "$load"; exit 1; }
cat "$load"

"$jackfield" queue set support --name "Support · 支持" --wrap-up 15s
"$jackfield" binding set queue:support skills-routing@0.1.0 --why "the story is over"
