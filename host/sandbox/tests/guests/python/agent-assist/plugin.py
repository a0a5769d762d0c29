"""The agent assist of the conformance suite, in Python."""

from wit_world.imports import entries
from wit_world.imports.agent import (
    Advice_Hint,
    Advice_Knowledge,
    Advice_Next,
    Advice_Reply,
    NextAction,
    Suggestion,
    Trigger,
)
from wit_world.imports.chat import Author


def suggest(conversation):
    found = []
    if conversation.trigger == Trigger.CUSTOMER_TYPING:
        hint = Advice_Hint(conversation.typing or "-")
        found.append(Suggestion(hint, "typing", 10, conversation.language, None))
    written = [message for message in conversation.messages if message.author == Author.CUSTOMER]
    if written and written[-1].text:
        last, kind = written[-1], entries.EntryKind.REPLY_TEMPLATE
        for hit in entries.search(entries.Query(last.text, conversation.language, kind, 2)):
            advice = Advice_Knowledge(hit.id) if hit.score < 1 else Advice_Reply(hit.snippet)
            sure = int(min(hit.score * 40, 100))
            found.append(Suggestion(advice, hit.title, sure, hit.language, last.number))
    article = next((attribute for attribute in conversation.attributes if attribute.key == "article"), None)
    if article:
        entry = entries.get(article.value)
        reason = f"updated {entry.updated_at}: {len(entry.body.encode())} bytes"
        found.append(Suggestion(Advice_Knowledge(entry.id), entry.title, 50, reason, None))
    if conversation.trigger == Trigger.REQUESTED and conversation.queue is not None:
        step = Advice_Next(NextAction("transfer", conversation.queue))
        found.append(Suggestion(step, "transfer", 5, conversation.agent, None))
    return found
