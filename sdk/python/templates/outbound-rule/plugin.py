"""Defers calls outside of office hours, in every time zone that the number may be in."""

from jackfield import config, now
from wit_world.imports.outbound import Ruling, Verdict_Allow, Verdict_Defer, Verdict_Deny

MINUTE_MS = 60_000
DAY_MINUTES = 24 * 60


def check(attempt):
    # Nothing is known of the number's whereabouts: law is not guessed.
    if not attempt.local_times:
        return Ruling(Verdict_Deny(), "unknown-time-zone", None)
    # Minutes since local midnight.
    hours = config(**{"from": 9 * 60, "until": 20 * 60})
    begin, end = hours["from"], hours["until"]
    waits = [
        (begin + DAY_MINUTES - local.minute) % DAY_MINUTES
        for local in attempt.local_times
        if not begin <= local.minute < end
    ]
    if not waits:
        return Ruling(Verdict_Allow(), "allowed", None)
    opens = now() + max(waits) * MINUTE_MS
    return Ruling(Verdict_Defer(opens), "office-hours", opens)
