"""The scorecard of the conformance suite, in Python."""

from jackfield import config
from wit_world.imports import messages
from wit_world.imports.chat import Author
from wit_world.imports.cx import Channel, Phase
from wit_world.imports.qa import (
    Evaluation,
    Evidence,
    Item,
    ItemResult_Fatal,
    ItemResult_NotApplicable,
    ItemResult_Points,
    PhaseEmotion,
    SegmentKind,
)


def first(interaction, kind):
    return next((segment for segment in interaction.segments if segment.kind == kind), None)


def at(segment, note):
    return Evidence(segment.start, segment.end, note) if segment else None


def wait(interaction):
    queue = first(interaction, SegmentKind.QUEUE)
    if queue is None:
        return Item("wait", "open", 5.0, 1.5, False, ItemResult_NotApplicable(), None)
    waited = sum(one.end - one.start for one in interaction.segments if one.kind == SegmentKind.QUEUE)
    late = max(waited - config(**{"wait-ms": 20_000})["wait-ms"], 0)
    result = ItemResult_Points(max(5.0 - late / 10_000, 0.0))
    return Item("wait", "open", 5.0, 1.5, False, result, at(queue, f"在 {queue.queue or '?'} 等了 {waited} ms"))


def listening(interaction):
    speech, result = interaction.speech, ItemResult_NotApplicable()
    if speech and speech.agent + speech.customer > 0:
        result = ItemResult_Points(10.0 * (1.0 - speech.agent / (speech.agent + speech.customer)))
    return Item("listening", "understand", 10.0, 2.0, True, result, None)


def manners(interaction):
    rude = next((one for one in interaction.attributes if one.key == "rude"), None)
    if rude is None:
        return Item("manners", "help", 1.0, 0.5, True, ItemResult_Points(1.0), None)
    evidence = at(first(interaction, SegmentKind.TALK), rude.value)
    return Item("manners", "help", 1.0, 0.5, True, ItemResult_Fatal(), evidence)


def thanks(interaction):
    if interaction.channel == Channel.VOICE:
        return Item("thanks", "close", 3.0, 1.0, False, ItemResult_NotApplicable(), None)
    of_agents = (message for message in messages.list(0, 200) if message.author == Author.AGENT)
    thanked = [message for message in of_agents if "谢谢" in message.text or "thank" in message.text]
    evidence = None
    if thanked:
        moment = max(thanked[0].at - interaction.started_at, 0)
        evidence = Evidence(moment, moment, thanked[0].text)
    return Item("thanks", "close", 3.0, 1.0, False, ItemResult_Points(float(min(len(thanked), 3))), evidence)


def emotions(interaction):
    found = []
    speech = interaction.speech
    if speech and speech.interruptions > 2:
        evidence = at(first(interaction, SegmentKind.TALK), f"interrupted {speech.interruptions} times")
        found.append(PhaseEmotion(Phase.UNDERSTAND, 2, evidence))
    survey = next((one for one in interaction.surveys if one.question == "csat"), None)
    if survey:
        above, steps = survey.value - survey.lowest, survey.highest - survey.lowest
        found.append(PhaseEmotion(Phase.CLOSE, 1 + 4 * above // steps if steps else 3, None))
    return found


def evaluate(interaction):
    items = [wait(interaction), listening(interaction), manners(interaction), thanks(interaction)]
    return Evaluation(items, emotions(interaction))
