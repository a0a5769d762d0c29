// Offers the most urgent work to the agent who has been idle longest, skills willing.
import { config, hasSkills, routingStrategy } from "@jackfield/plugin";

const DEFAULTS = {
  /** Offers of one decision; as many as there are when left out. */
  "at-once": Infinity,
};

export default routingStrategy({
  assign({ work, agents }) {
    const most = config(DEFAULTS)["at-once"];
    // The snapshot lists work by waiting time, and the sort keeps that order within a priority.
    const order = work.map((_, n) => n).sort((a, b) => work[b]!.priority - work[a]!.priority);
    // Agents come longest idle first; each is offered one piece of work.
    const free = agents.map((_, n) => n);
    const assignments: { work: number; agent: number }[] = [];
    for (const piece of order.slice(0, most)) {
      const at = free.findIndex((n) => {
        const agent = agents[n]!;
        return agent.load < agent.capacity && hasSkills(agent.skills, work[piece]!.needs);
      });
      if (at >= 0) assignments.push({ work: piece, agent: free.splice(at, 1)[0]! });
    }
    return { assignments, overflows: [], lookAgainAt: null };
  },
});
