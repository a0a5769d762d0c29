"""A call as straight-line code: a generator that yields what it waits for.

    from jackfield.voice import Left, flow

    @flow
    def step(call):
        call.say("For billing press 1, for anything else press 2.", "en")
        queue = "billing" if (yield call.digit()) == "1" else "support"
        served = yield call.handed_over(queue)
        if isinstance(served, Left):
            call.say("Nobody can take your call now.", "en")

Nothing waits in memory; `jackfield.straight` tells what that asks of a script. When it returns, the call ends after
everything has been played.
"""

from jackfield.straight import PAUSE, AgentLeft, Answered, Left, Talk, Wait, Waiting
from jackfield.straight import flow as _flow
from wit_world.exports import flow as _exports
from wit_world.imports import call as _call
from wit_world.imports import cx as _cx

__all__ = ["AgentLeft", "Answered", "Call", "Left", "Waiting", "flow"]


class Call(Talk):
    """The call at hand, as a script conducts it. What is said or played comes with the next question, which it can
    interrupt; or else by itself."""

    def __init__(self, log):
        super().__init__(log)
        self._prompts = []

    def say(self, text: str, language: str) -> None:
        """Says a text."""
        self._prompts.append(_call.Prompt_Say(_call.Speech(text, language)))

    def play(self, file: str) -> None:
        """Plays a file of the tenant's prompts."""
        self._prompts.append(_call.Prompt_File(file))

    def silence(self, ms: int) -> None:
        """Says nothing for so many milliseconds."""
        self._prompts.append(_call.Prompt_Silence(ms))

    def set(self, key: str, value: str) -> None:
        """Sets an attribute of the interaction; agents see it."""
        self._order(_call.CallAction_Set(_cx.Attribute(key, value)))

    def record(self, on: bool) -> None:
        """Starts or stops the recording."""
        self._order(_call.CallAction_Record(on))

    def played(self) -> Wait:
        """To be yielded: waits until everything has been played."""
        return self._wait("played")

    def pause(self, ms: int) -> Wait:
        """To be yielded: waits so long, 100 to 3,600,000 ms."""
        self._order(_call.CallAction_SetTimer(_call.Timer(PAUSE, ms)))
        return self._wait("pause")

    def gather(self, digits: int, terminator: str | None = "#", first: int = 5_000, between: int = 3_000) -> Wait:
        """To be yielded: digits that the caller presses, None when there was none in time. Times are milliseconds."""
        gather = _call.Gather(self._said(), digits, terminator, first, between)
        self._order(_call.CallAction_Gather(gather))
        return self._wait("digits")

    def digit(self, within: int = 5_000) -> Wait:
        """To be yielded: one digit, None when there was none within so many milliseconds."""
        return self.gather(1, None, within)

    def ask(self, id: str, lowest: int, highest: int) -> Wait:
        """To be yielded: the answer to a survey question of which the text was said before, None when there was none."""
        self._order(_call.CallAction_AskSurvey(_call.SurveyQuestion(id, self._said(), lowest, highest)))
        return self._wait("survey")

    def enqueue(self, queue: str, needs=(), priority: int = 0) -> Wait:
        """To be yielded: puts the caller into a queue; what happens first, `Waiting`, `Answered` or `Left`."""
        self._order(_call.CallAction_Enqueue(_call.Enqueue(queue, list(needs), priority)))
        return self._wait("queue")

    def handed_over(self, queue: str, needs=(), priority: int = 0) -> Wait:
        """To be yielded: puts the caller into a queue until an agent answers, `Answered`, or it gives the caller back, `Left`."""
        self.enqueue(queue, needs, priority)
        return self._wait("agent")

    def agent_left(self) -> Wait:
        """To be yielded: `AgentLeft`, as soon as the agent has hung up while the caller is still there."""
        return self._wait("agent-left")

    def _said(self):
        prompts, self._prompts = self._prompts, []
        return prompts

    def _flush(self):
        if self._prompts:
            self._actions.append(_call.CallAction_Play(self._said()))


def _result(waiting, event):
    """Whether an event is what a script waits for, and what it means to it."""
    match waiting, event:
        case "digits", _call.CallEvent_Digits(value=digits):
            return True, digits
        case ("digits" | "survey"), _call.CallEvent_NoInput():
            return True, None
        case "survey", _call.CallEvent_SurveyAnswered(value=answer):
            return True, answer.value
        case "played", _call.CallEvent_PromptFinished():
            return True, None
        case "pause", _call.CallEvent_Timer(value=name) if name == PAUSE:
            return True, None
        case "queue", _call.CallEvent_QueueProgress(value=progress):
            return True, Waiting(progress.position, progress.waited, progress.expected_wait)
        case ("queue" | "agent"), _call.CallEvent_Answered(value=agent):
            return True, Answered(agent)
        case ("queue" | "agent"), _call.CallEvent_QueueLeft(value=exit):
            return True, Left(exit.name.lower().replace("_", "-"))
        case "agent-left", _call.CallEvent_AgentLeft(value=left):
            return True, AgentLeft(left.agent, left.talked)
    return False, None


#: Makes the step of a voice flow out of a generator function.
flow = _flow(
    Call,
    _result,
    (_call.CallEvent_Started, _call.CallEvent_Ended, _call.CallEvent_Migrated),
    _call.CallAction_End,
    _exports.Next,
)
