"""The tag generator of the conformance suite, in Python."""

from jackfield import config
from wit_world.exports.tagger import TagChange_Add, TagChange_Expire, TagChange_Refresh
from wit_world.imports import customers, key_value, scores
from wit_world.imports.cx import Tag

DAY_MS = 24 * 60 * 60 * 1_000


def add(name, confidence, reason, expires_at):
    return TagChange_Add(Tag(name, confidence, reason, expires_at))


def gold(spent, worth, until):
    sure, reason = min(spent * 50 // worth, 100), f"spent {spent}"
    if spent >= worth:
        return add("gold", sure, reason, until)
    if spent * 2 >= worth:
        return TagChange_Refresh(Tag("gold", sure, reason, None))
    return TagChange_Expire("gold")


def tags(occasion):
    settings = config(gold=100_000, days=30, words=[])
    lasting, ended = settings["days"] * DAY_MS, occasion.ended_at
    past = customers.history(20)
    spent = sum(one.value for one in past if not one.abandoned and one.started_at + lasting >= ended)
    changes = [gold(spent, settings["gold"], ended + lasting)]
    if occasion.abandoned:
        changes.append(add("gave-up", 100, f"waited {occasion.waited // 1_000} s", ended + DAY_MS))
    for attribute in occasion.attributes:
        for word in settings["words"]:
            if word in attribute.value:
                changes.append(add(f"said:{word}", 80, attribute.value, None))
    if occasion.score is not None and occasion.score < 60:
        changes.append(add("unhappy", int(100 - occasion.score), "score", None))
    for survey in scores.surveys(10):
        if survey.question == "csat" and survey.value == survey.lowest:
            changes.append(add("detractor", 90, survey.interaction, None))
            break
    visits = int(key_value.get("visits") or b"0") + 1
    if visits == 3:
        changes.append(add("regular", 100, "visit 3", None))
    if visits < 5:
        key_value.set("visits", str(visits).encode())
    else:
        key_value.delete("visits")
    return changes
