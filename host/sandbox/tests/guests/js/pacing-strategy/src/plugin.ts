import { config, now, pacingStrategy } from "@jackfield/plugin";

const DEFAULTS = { ratio: 150, reserve: 0 };

export default pacingStrategy({
  pace({ free, busy, ringing, waiting, lines, callable, recent, compliance: law }) {
    if (law.abandoned * 1_000_000 > law.allowed * law.answered) {
      const detail = `${law.abandoned} of ${law.answered}`;
      return { launch: 0, reason: "abandonment-limit", detail, lookAgainAt: now() + 60_000 };
    }
    const { ratio, reserve } = config(DEFAULTS);
    const soon = busy.filter(({ activity, elapsed }) =>
      activity === "wrapping-up" ? elapsed * 2 >= recent.meanWrapUp : elapsed >= recent.meanTalk,
    ).length;
    const wanted = Math.floor(((free + soon) * ratio) / 100);
    const launch = Math.min(Math.max(wanted - ringing - waiting - reserve, 0), lines, callable);
    const [reason, lookAgainAt] = launch === 0 ? ["enough", now() + 5_000] : ["free-agents", null];
    return { launch, reason, detail: `${free} free, ${soon} soon, ${ringing} ringing`, lookAgainAt };
  },
});
