// The rule of rule.rs. Takes the question as JSON and answers the plan as JSON.
function assign(json) {
  const { work, agents } = JSON.parse(json);
  const left = agents.map((agent) => Math.max(0, agent.capacity - agent.load));
  const order = work.map((_, n) => n).sort((a, b) => work[b].priority - work[a].priority);
  const assignments = [];
  for (const index of order) {
    const { needs, levels } = work[index];
    const agent = agents.findIndex(
      (agent, n) =>
        left[n] > 0 &&
        (agent.skills & needs) === needs &&
        levels.every(([skill, level]) => agent.levels[skill] >= level),
    );
    if (agent >= 0) {
      left[agent] -= 1;
      assignments.push({ work: index, agent });
    }
  }
  return JSON.stringify({ assignments, overflows: [], look_again_at: null });
}
