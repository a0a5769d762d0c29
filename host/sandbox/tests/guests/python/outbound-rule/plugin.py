"""The outbound rule of the conformance suite, in Python."""

from jackfield import config, now
from wit_world.imports.cx import Channel
from wit_world.imports.outbound import (
    Consent,
    Outcome,
    Ruling,
    Verdict_Allow,
    Verdict_Defer,
    Verdict_Deny,
    Verdict_Substitute,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MINUTES = 1_440
DEFAULTS = {"from": 540, "until": 1_200, "most": 3, "hours": 24, "instead": ""}
INSTEAD = {"sms": Channel.SMS, "email": Channel.EMAIL}


def deny(reason):
    return Ruling(Verdict_Deny(), reason, None)


def defer(at, reason):
    return Ruling(Verdict_Defer(at), reason, at)


def check(attempt):
    settings = config(**DEFAULTS)
    if not attempt.local_times:
        return deny("unknown-time-zone")
    if attempt.consent == Consent.REFUSED:
        return deny("refused")
    if attempt.consent == Consent.UNKNOWN and attempt.purpose == "sales":
        instead = INSTEAD.get(settings["instead"])
        if instead is None or instead == attempt.channel:
            return deny("no-consent")
        return Ruling(Verdict_Substitute(instead), "no-consent", None)
    window = settings["hours"] * HOUR_MS
    counted = [
        past
        for past in attempt.attempts
        if past.channel == attempt.channel and past.outcome != Outcome.FAILED and past.at + window > now()
    ]
    if len(counted) >= settings["most"]:
        return defer(counted[settings["most"] - 1].at + window, "too-often")

    def wait(local):
        if local.holiday or local.minute >= settings["until"]:
            return DAY_MINUTES - local.minute + settings["from"]
        return max(settings["from"] - local.minute, 0)

    longest = max(attempt.local_times, key=wait)
    if wait(longest) == 0:
        return Ruling(Verdict_Allow(), "allowed", None)
    return defer(now() + wait(longest) * MINUTE_MS, f"closed:{longest.zone}")
