"""Scores how long the customer waited, and whether the agent let the customer talk."""

from jackfield import config
from wit_world.imports.qa import (
    Evaluation,
    Evidence,
    Item,
    ItemResult_NotApplicable,
    ItemResult_Points,
    SegmentKind,
)


def evaluate(interaction):
    # A wait that is still good, in seconds.
    good = config(**{"wait-s": 20})["wait-s"] * 1_000
    wait = next((segment for segment in interaction.segments if segment.kind == SegmentKind.QUEUE), None)
    waited = wait.end - wait.start if wait else 0
    evidence = Evidence(wait.start, wait.end, f"waited {waited // 1_000} s") if wait else None
    prompt = ItemResult_Points(5.0 if waited <= good else 0.0)
    # What was not recorded is not judged.
    listening = ItemResult_NotApplicable()
    if interaction.speech:
        listening = ItemResult_Points(5.0 if interaction.speech.interruptions <= 2 else 2.0)
    return Evaluation(
        [
            Item("answered-in-time", "open", 5.0, 1.0, False, prompt, evidence),
            Item("lets-talk", "understand", 5.0, 2.0, True, listening, None),
        ],
        [],
    )
