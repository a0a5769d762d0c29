"""Offers the most urgent work to the agent who has been idle longest, skills willing."""

from jackfield import config
from wit_world.imports.routing import Assignment, Plan


def assign(snapshot):
    # Offers of one decision; as many as there are when left out.
    most = config(**{"at-once": None})["at-once"]
    # The snapshot lists work by waiting time, and the sort keeps that order within a priority.
    order = sorted(range(len(snapshot.work)), key=lambda n: -snapshot.work[n].priority)
    # Agents come longest idle first; each is offered one piece of work.
    free = [n for n, agent in enumerate(snapshot.agents) if agent.load < agent.capacity]
    assignments = []
    for piece in order[:most]:
        needs = snapshot.work[piece].needs
        agent = next((n for n in free if snapshot.agents[n].skills & needs == needs), None)
        if agent is not None:
            free.remove(agent)
            assignments.append(Assignment(piece, agent))
    return Plan(assignments, [], None)
