"""Scores a written conversation by the words in it, and tells in which message they stand."""

from jackfield import PluginError, config
from wit_world.imports import messages
from wit_world.imports.chat import Author
from wit_world.imports.cx import Phase
from wit_world.imports.qa import (
    Evaluation,
    Evidence,
    Item,
    ItemResult_Fatal,
    ItemResult_NotApplicable,
    ItemResult_Points,
    PhaseEmotion,
)
from words import lists

#: Messages of one reading; the host gives at most 200.
PAGE = 200
#: Neutral, on the scale from 1 (very bad) to 5 (very good).
NEUTRAL = 3


def conversation():
    """All messages, oldest first."""
    found, after = [], 0
    while page := messages.list(after, PAGE):
        found += page
        after = page[-1].number
    return found


def first(pattern, said):
    """The first message with a word of a list, and the word."""
    for message in said:
        if word := pattern.search(message.text):
            return message, word.group()
    return None


def evidence(found, interaction):
    if found is None:
        return None
    message, word = found
    start = min(max(message.at, interaction.started_at), interaction.ended_at) - interaction.started_at
    return Evidence(start, start, f"message {message.number}: {word}")


def item(name, section, found, interaction, weight=1.0):
    result = ItemResult_Points(1.0 if found else 0.0)
    return Item(name, section, 1.0, weight, False, result, evidence(found, interaction))


def feeling(patterns, said, phase, interaction):
    """How the customer feels in some messages: annoyed words against pleased ones."""
    annoyed, pleased = (first(patterns[name], said) for name in ("annoyed", "pleased"))
    emotion = NEUTRAL + (1 if pleased else 0) - (1 if annoyed else 0)
    return PhaseEmotion(phase, emotion, evidence(annoyed or pleased, interaction))


def evaluate(interaction):
    words = config(words={})["words"]
    if not isinstance(words, dict):
        raise PluginError("bad-config", "words: expected an object of word lists")
    patterns = lists(words)
    said = conversation()
    agent = [message for message in said if message.author == Author.AGENT]
    customer = [message for message in said if message.author == Author.CUSTOMER]
    if not agent:
        # Nobody answered, so there is nobody to be scored.
        nothing = ItemResult_NotApplicable()
        return Evaluation([Item("greeting", "etiquette", 1.0, 1.0, False, nothing, None)], [])

    bad = first(patterns["forbidden"], agent)
    items = [
        item("greeting", "etiquette", first(patterns["greeting"], agent[:2]), interaction),
        item("farewell", "etiquette", first(patterns["farewell"], agent[-2:]), interaction),
        Item(
            "no-forbidden-words",
            "etiquette",
            1.0,
            1.0,
            True,
            ItemResult_Fatal() if bad else ItemResult_Points(1.0),
            evidence(bad, interaction),
        ),
    ]
    if first(patterns["annoyed"], customer):
        items.append(item("empathy", "care", first(patterns["empathy"], agent), interaction, 2.0))
    emotions = []
    if customer:
        emotions = [
            feeling(patterns, customer[:1], Phase.OPEN, interaction),
            feeling(patterns, customer[-1:], Phase.CLOSE, interaction),
        ]
    return Evaluation(items, emotions)
