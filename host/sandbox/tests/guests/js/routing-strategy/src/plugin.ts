import { config, hasSkills, PluginError, routingStrategy } from "@jackfield/plugin";

// How the suite wants it to fail; the rule when it is empty.
const { fail } = { fail: "" };

function inner(): never {
  throw new Error("a mistake");
}

export default routingStrategy({
  assign({ work, agents }) {
    switch (config({ fail }).fail) {
      case "error":
        throw new PluginError("busy", "ask again", true);
      case "exception":
        inner();
      case "number":
        return { assignments: [], overflows: [], lookAgainAt: 2 ** 60 };
      case "text":
        throw new PluginError("half", "\ud800");
      case "log":
        console.log("line", { n: 1 }, new Date().toISOString());
    }
    const order = work.map((_, n) => n).sort((a, b) => work[b]!.priority - work[a]!.priority);
    const room = agents.map((agent) => agent.capacity - agent.load);
    const assignments: { work: number; agent: number }[] = [];
    for (const piece of order) {
      const agent = agents.findIndex((agent, n) => room[n]! > 0 && hasSkills(agent.skills, work[piece]!.needs));
      if (agent < 0) continue;
      room[agent]! -= 1;
      assignments.push({ work: piece, agent });
    }
    return { assignments, overflows: [], lookAgainAt: null };
  },
});
