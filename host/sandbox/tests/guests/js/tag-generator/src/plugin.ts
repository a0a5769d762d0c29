import { bytes, config, tagGenerator } from "@jackfield/plugin";
import { delete as remove, get, set } from "cx:host/key-value@0.1.0";
import { history } from "cx:profile/customers@0.1.0";
import { surveys } from "cx:scoring/scores@0.1.0";
import type { TagChange } from "cx:tag-generator/tagger@0.1.0";

const DAY_MS = 24 * 60 * 60 * 1_000;
const DEFAULTS = { gold: 100_000, days: 30, words: [] as string[] };

const add = (name: string, confidence: number, reason: string, expiresAt: number | null): TagChange => ({
  tag: "add",
  val: { name, confidence, reason, expiresAt },
});

function gold(spent: number, worth: number, until: number): TagChange {
  const [confidence, reason] = [Math.min(Math.floor((spent * 50) / worth), 100), `spent ${spent}`];
  if (spent >= worth) return add("gold", confidence, reason, until);
  if (spent * 2 >= worth) return { tag: "refresh", val: { name: "gold", confidence, reason, expiresAt: null } };
  return { tag: "expire", val: "gold" };
}

export default tagGenerator({
  tags({ endedAt, abandoned, waited, attributes, score }) {
    const settings = config(DEFAULTS);
    const lasting = settings.days * DAY_MS;
    const counted = history(20).filter((past) => !past.abandoned && past.startedAt + lasting >= endedAt);
    const spent = counted.reduce((sum, past) => sum + past.value, 0);
    const changes = [gold(spent, settings.gold, endedAt + lasting)];
    if (abandoned) changes.push(add("gave-up", 100, `waited ${Math.floor(waited / 1_000)} s`, endedAt + DAY_MS));
    for (const { value } of attributes) {
      for (const word of settings.words) {
        if (value.includes(word)) changes.push(add(`said:${word}`, 80, value, null));
      }
    }
    if (score !== null && score < 60) changes.push(add("unhappy", Math.floor(100 - score), "score", null));
    const worst = surveys(10).find(({ question, value, lowest }) => question === "csat" && value === lowest);
    if (worst) changes.push(add("detractor", 90, worst.interaction, null));
    const visits = (bytes.read<number>(get("visits") ?? []) ?? 0) + 1;
    if (visits === 3) changes.push(add("regular", 100, "visit 3", null));
    if (visits < 5) set("visits", bytes.write(visits));
    else remove("visits");
    return changes;
  },
});
