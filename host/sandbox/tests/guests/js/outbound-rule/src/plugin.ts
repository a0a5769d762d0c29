import { config, now, outboundRule } from "@jackfield/plugin";
import type { LocalTime, Ruling } from "cx:outbound-rule/types@0.1.0";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MINUTES = 1_440;
const DEFAULTS = { from: 540, until: 1_200, most: 3, hours: 24, instead: "" };

const deny = (reason: string): Ruling => ({ verdict: { tag: "deny" }, reason, nextPermittedAt: null });
const defer = (at: number, reason: string): Ruling => ({
  verdict: { tag: "defer", val: at },
  reason,
  nextPermittedAt: at,
});

export default outboundRule({
  check({ channel, purpose, localTimes, consent, attempts }) {
    const { from, until, most, hours, instead } = config(DEFAULTS);
    if (localTimes.length === 0) return deny("unknown-time-zone");
    if (consent === "refused") return deny("refused");
    if (consent === "unknown" && purpose === "sales") {
      if ((instead !== "sms" && instead !== "email") || instead === channel) return deny("no-consent");
      return { verdict: { tag: "substitute", val: instead }, reason: "no-consent", nextPermittedAt: null };
    }
    const counted = attempts.filter(
      (past) => past.channel === channel && past.outcome !== "failed" && past.at + hours * HOUR_MS > now(),
    );
    const oldest = counted[most - 1];
    if (oldest) return defer(oldest.at + hours * HOUR_MS, "too-often");
    const wait = ({ minute, holiday }: LocalTime) =>
      holiday || minute >= until ? DAY_MINUTES - minute + from : Math.max(from - minute, 0);
    const waits = localTimes.map(wait);
    const longest = Math.max(...waits);
    if (longest === 0) return { verdict: { tag: "allow" }, reason: "allowed", nextPermittedAt: null };
    return defer(now() + longest * MINUTE_MS, `closed:${localTimes[waits.indexOf(longest)]!.zone}`);
  },
});
