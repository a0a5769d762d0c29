// Scores how long the customer waited, and whether the agent let the customer talk.
import { config, qaScorecard } from "@jackfield/plugin";

const DEFAULTS = {
  /** A wait that is still good, in seconds. */
  "wait-s": 20,
};

export default qaScorecard({
  evaluate({ segments, speech }) {
    const good = config(DEFAULTS)["wait-s"] * 1_000;
    const wait = segments.find(({ kind }) => kind === "queue");
    const waited = wait ? wait.end - wait.start : 0;
    return {
      items: [
        {
          id: "answered-in-time",
          section: "open",
          possible: 5,
          weight: 1,
          critical: false,
          result: { tag: "points", val: waited <= good ? 5 : 0 },
          evidence: wait
            ? { start: wait.start, end: wait.end, note: `waited ${Math.floor(waited / 1_000)} s` }
            : null,
        },
        {
          id: "lets-talk",
          section: "understand",
          possible: 5,
          weight: 2,
          critical: true,
          // What was not recorded is not judged.
          result: speech ? { tag: "points", val: speech.interruptions <= 2 ? 5 : 2 } : { tag: "not-applicable" },
          evidence: null,
        },
      ],
      emotions: [],
    };
  },
});
