// Defers calls outside of office hours, in every time zone that the number may be in.
import { config, now, outboundRule } from "@jackfield/plugin";

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** Minutes since local midnight. */
const DEFAULTS = { from: 9 * 60, until: 20 * 60 };

export default outboundRule({
  check({ localTimes }) {
    // Nothing is known of the number's whereabouts: law is not guessed.
    if (localTimes.length === 0) {
      return { verdict: { tag: "deny" }, reason: "unknown-time-zone", nextPermittedAt: null };
    }
    const { from, until } = config(DEFAULTS);
    const waits = localTimes
      .filter(({ minute }) => minute < from || minute >= until)
      .map(({ minute }) => (from + DAY_MINUTES - minute) % DAY_MINUTES);
    if (waits.length === 0) return { verdict: { tag: "allow" }, reason: "allowed", nextPermittedAt: null };
    const opens = now() + Math.max(...waits) * MINUTE_MS;
    return { verdict: { tag: "defer", val: opens }, reason: "office-hours", nextPermittedAt: opens };
  },
});
