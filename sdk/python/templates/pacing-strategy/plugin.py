"""Launches so many calls for each free agent, as long as few are abandoned."""

from jackfield import config
from wit_world.imports.pacing import Plan


def pace(measurements):
    law = measurements.compliance
    # Parts per million of what was answered.
    if law.abandoned * 1_000_000 >= law.allowed * law.answered:
        ratio, reason = 1, "abandonment"
    else:
        ratio, reason = config(ratio=1.5)["ratio"], "ratio"
    wanted = int(measurements.free * ratio)
    launch = max(wanted - measurements.ringing - measurements.waiting, 0)
    launch = min(launch, measurements.lines, measurements.callable)
    return Plan(launch, reason, f"{wanted} wanted for {measurements.free} free agents", None)
