"""The pacing strategy of the conformance suite, in Python."""

from jackfield import config, now
from wit_world.imports.pacing import Activity, Plan


def pace(measurements):
    law = measurements.compliance
    if law.abandoned * 1_000_000 > law.allowed * law.answered:
        return Plan(0, "abandonment-limit", f"{law.abandoned} of {law.answered}", now() + 60_000)
    settings = config(ratio=150, reserve=0)
    recent = measurements.recent
    soon = sum(
        agent.elapsed * 2 >= recent.mean_wrap_up
        if agent.activity == Activity.WRAPPING_UP
        else agent.elapsed >= recent.mean_talk
        for agent in measurements.busy
    )
    wanted = (measurements.free + soon) * settings["ratio"] // 100
    launch = max(wanted - measurements.ringing - measurements.waiting - settings["reserve"], 0)
    launch = min(launch, measurements.lines, measurements.callable)
    detail = f"{measurements.free} free, {soon} soon, {measurements.ringing} ringing"
    return Plan(launch, "free-agents" if launch else "enough", detail, None if launch else now() + 5_000)
