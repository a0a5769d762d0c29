"""The rule of the conformance suite, in Python, and what can go wrong in it."""

import random
import time
from random import randint

from jackfield import PluginError, config
from wit_world.imports.routing import Assignment, Plan

seen = []


def inner():
    return [][0]


def assign(snapshot):
    fail = config(fail="")["fail"]
    if fail == "error":
        raise PluginError("busy", "ask again", True)
    if fail == "exception":
        inner()
    if fail == "text":
        raise PluginError("half", "\ud800")
    if fail == "log":
        print("line", time.time(), random.random())
    if fail == "chance":
        drawn = [random.random(), randint(1, 99), random.gauss(0, 1), random.sample(range(9), 3), random.Random().random()]
        random.seed(7)
        print("chance", drawn, random.random())
    if fail == "memory":
        # What is still there of decisions before.
        seen.append(snapshot.work[0].waiting)
        return Plan([], [], sum(seen))
    work, agents = snapshot.work, snapshot.agents
    room = [agent.capacity - agent.load for agent in agents]
    assignments = []
    for piece in sorted(range(len(work)), key=lambda n: -work[n].priority):
        needs = work[piece].needs
        for n, agent in enumerate(agents):
            if room[n] > 0 and agent.skills & needs == needs:
                room[n] -= 1
                assignments.append(Assignment(piece, n))
                break
    return Plan(assignments, [], None)
