"""Suggests articles of the knowledge base on what the customer wrote last."""

from jackfield import config
from wit_world.imports import entries
from wit_world.imports.agent import Advice_Knowledge, Suggestion
from wit_world.imports.chat import Author


def suggest(conversation):
    most = config(most=3)["most"]
    written = [message for message in conversation.messages if message.author == Author.CUSTOMER and message.text]
    if not written:
        return []
    last = written[-1]
    found = entries.search(entries.Query(last.text[:128], conversation.language, None, most))
    return [Suggestion(Advice_Knowledge(hit.id), hit.title, 60, hit.snippet, last.number) for hit in found]
