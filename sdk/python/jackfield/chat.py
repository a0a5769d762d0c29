"""A written conversation as straight-line code: a generator that yields what it waits for.

    from jackfield.chat import flow

    @flow
    def step(chat):
        chat.offer("What is it about?", {"order": "My order", "other": "Something else"})
        about = yield chat.answer(120_000)
        if about is not None:
            yield chat.handed_over("support", summary=about)

`jackfield.straight` tells what a script keeps to. When it returns, the conversation is closed.
"""

from jackfield.straight import PAUSE, AgentLeft, Answered, Left, Talk, Unanswered, Wait, Waiting
from jackfield.straight import flow as _flow
from wit_world.exports import flow as _exports
from wit_world.imports import conversation as _chat
from wit_world.imports import cx as _cx

__all__ = ["AgentLeft", "Answered", "Chat", "Left", "Unanswered", "Waiting", "flow"]

#: Characters of a customer's message that a script keeps.
_MAX_KEPT = 512


class Chat(Talk):
    """The conversation at hand, as a script conducts it."""

    def send(self, message) -> None:
        """Sends a message, `wit_world.imports.conversation.Outgoing`."""
        self._order(_chat.ChatAction_Send(message))

    def say(self, text: str) -> None:
        """Sends a text."""
        self.send(_chat.Outgoing(text, []))

    def offer(self, text: str, choices: dict[str, str]) -> None:
        """Sends a text with choices, at most 10: what comes back, and what the customer sees."""
        self.send(_chat.Outgoing(text, [_chat.Choice(id, label) for id, label in choices.items()]))

    def typing(self, ms: int) -> None:
        """Shows that an answer is being written, 100 to 10,000 ms."""
        self._order(_chat.ChatAction_Typing(ms))

    def set(self, key: str, value: str) -> None:
        """Sets an attribute of the interaction; agents see it."""
        self._order(_chat.ChatAction_Set(_cx.Attribute(key, value)))

    def answer(self, within: int) -> Wait:
        """To be yielded: waits so many milliseconds for the customer, 1,000 to 86,400,000. The text of a message (its
        first 512 characters) or the id of a choice; None when nothing came."""
        self._order(_chat.ChatAction_AwaitReply(within))
        return self._wait("answer")

    def pause(self, ms: int) -> Wait:
        """To be yielded: waits so long, 100 to 86,400,000 ms."""
        self._order(_chat.ChatAction_SetTimer(_chat.Timer(PAUSE, ms)))
        return self._wait("pause")

    def ask(self, id: str, text: str, lowest: int, highest: int) -> Wait:
        """To be yielded: the answer to a survey question, None when there was none."""
        self._order(_chat.ChatAction_AskSurvey(_chat.SurveyQuestion(id, text, lowest, highest)))
        return self._wait("survey")

    def enqueue(self, queue: str, summary: str | None = None, needs=(), priority: int = 0) -> Wait:
        """To be yielded: puts the customer into a queue; what happens first, `Waiting`, `Answered` or `Left`. `summary` is
        what the agent should know beforehand."""
        self._order(_chat.ChatAction_Enqueue(_chat.Enqueue(queue, list(needs), priority, summary)))
        return self._wait("queue")

    def handed_over(self, queue: str, summary: str | None = None, needs=(), priority: int = 0) -> Wait:
        """To be yielded: puts the customer into a queue until an agent takes over, `Answered`, or it gives the customer
        back, `Left`."""
        self.enqueue(queue, summary, needs, priority)
        return self._wait("agent")

    def with_agent(self) -> Wait:
        """To be yielded: what happens while an agent has the conversation, `Unanswered` or `AgentLeft`."""
        return self._wait("with-agent")


def _result(waiting, event):
    """Whether an event is what a script waits for, and what it means to it."""
    match waiting, event:
        case "answer", _chat.ChatEvent_Received(value=received):
            return True, received.message.text[:_MAX_KEPT]
        case "answer", _chat.ChatEvent_Chosen(value=id):
            return True, id
        case ("answer" | "survey"), _chat.ChatEvent_NoReply():
            return True, None
        case "survey", _chat.ChatEvent_SurveyAnswered(value=answer):
            return True, answer.value
        case "pause", _chat.ChatEvent_Timer(value=name) if name == PAUSE:
            return True, None
        case "queue", _chat.ChatEvent_QueueProgress(value=progress):
            return True, Waiting(progress.position, progress.waited, progress.expected_wait)
        case ("queue" | "agent"), _chat.ChatEvent_Answered(value=agent):
            return True, Answered(agent)
        case ("queue" | "agent"), _chat.ChatEvent_QueueLeft(value=exit):
            return True, Left(exit.name.lower().replace("_", "-"))
        case "with-agent", _chat.ChatEvent_Unanswered(value=waits):
            return True, Unanswered(waits.waited)
        case "with-agent", _chat.ChatEvent_AgentLeft(value=left):
            return True, AgentLeft(left.agent, left.handled)
    return False, None


#: Makes the step of a chat flow out of a generator function.
flow = _flow(
    Chat,
    _result,
    (_chat.ChatEvent_Started, _chat.ChatEvent_Ended, _chat.ChatEvent_Migrated),
    _chat.ChatAction_End,
    _exports.Next,
)
