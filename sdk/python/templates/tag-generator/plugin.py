"""Tags customers who call often."""

from jackfield import config
from wit_world.imports import customers
from wit_world.imports.cx import Tag
from wit_world.exports.tagger import TagChange_Add, TagChange_Expire

DAY_MS = 24 * 60 * 60 * 1_000
NAME = "frequent-caller"


def tags(occasion):
    # So many calls in so many days.
    settings = config(calls=3, days=30)
    calls, days = settings["calls"], settings["days"]
    # A tenant that does not grant this raises the error here, and the decision is asked again later.
    past = customers.history(calls)
    recent = sum(call.started_at >= occasion.ended_at - days * DAY_MS for call in past)
    if recent < calls:
        return [TagChange_Expire(NAME)]
    return [TagChange_Add(Tag(NAME, 100, f"{recent} calls in {days} days", occasion.ended_at + days * DAY_MS))]
