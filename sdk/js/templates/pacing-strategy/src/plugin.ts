// Launches so many calls for each free agent, as long as few are abandoned.
import { config, pacingStrategy } from "@jackfield/plugin";

const DEFAULTS = {
  /** Calls for a free agent. */
  ratio: 1.5,
};

export default pacingStrategy({
  pace({ free, ringing, waiting, lines, callable, compliance }) {
    // Parts per million of what was answered.
    const tooMany = compliance.abandoned * 1_000_000 >= compliance.allowed * compliance.answered;
    const [ratio, reason] = tooMany ? [1, "abandonment"] : [config(DEFAULTS).ratio, "ratio"];
    const wanted = Math.floor(free * ratio);
    const launch = Math.min(Math.max(wanted - ringing - waiting, 0), lines, callable);
    return { launch, reason, detail: `${wanted} wanted for ${free} free agents`, lookAgainAt: null };
  },
});
