// Tags customers who call often.
import { config, tagGenerator } from "@jackfield/plugin";
import { history } from "cx:profile/customers@0.1.0";

const DAY_MS = 24 * 60 * 60 * 1_000;
const NAME = "frequent-caller";

/** So many calls in so many days. */
const DEFAULTS = { calls: 3, days: 30 };

export default tagGenerator({
  tags({ endedAt }) {
    const { calls, days } = config(DEFAULTS);
    // A tenant that does not grant this throws the error here, and the decision is asked again later.
    const recent = history(calls).filter(({ startedAt }) => startedAt >= endedAt - days * DAY_MS).length;
    if (recent < calls) return [{ tag: "expire", val: NAME }];
    return [
      {
        tag: "add",
        val: {
          name: NAME,
          confidence: 100,
          reason: `${recent} calls in ${days} days`,
          expiresAt: endedAt + days * DAY_MS,
        },
      },
    ];
  },
});
