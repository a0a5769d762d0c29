"""A voice flow as straight-line code: a generator that yields what it waits for.

    from jackfield.flow import flow

    @flow
    def step(call):
        call.say("Welcome.", "en")
        digits = yield call.gather(digits=1)
        if digits == "0":
            yield call.enqueue("support")

Nothing waits in memory. The state between two events is the list of what was waited for so far; at the next event the
generator runs again from its beginning, gets the recorded results at once, and goes on behind them. So it must do the
same when it gets the same.
"""

import json
from types import SimpleNamespace

from componentize_py_types import Err  # noqa: F401
from wit_world.imports import call as contract
from wit_world.exports import flow as exports

_WAITS = "\0"


class Call:
    """One call, seen by its flow."""

    def __init__(self):
        self._prompts = []
        self._actions = []

    def say(self, text: str, language: str) -> None:
        """Says a text; what is gathered next interrupts it."""
        self._prompts.append(contract.Prompt_Say(contract.Speech(text, language)))

    def play(self, file: str) -> None:
        """Plays a file of the tenant's prompts."""
        self._prompts.append(contract.Prompt_File(file))

    def set(self, key: str, value: str) -> None:
        """Sets an attribute of the interaction."""
        self._flush()
        self._actions.append(contract.CallAction_Set(contract.cx.Attribute(key, value)))

    def end(self) -> None:
        """Ends the call."""
        self._flush()
        self._actions.append(contract.CallAction_End())

    def gather(self, digits: int, terminator: str | None = "#", first: int = 5_000, between: int = 3_000):
        """To be yielded: digits that the caller presses, or None. Times are milliseconds."""
        prompts, self._prompts = self._prompts, []
        action = contract.CallAction_Gather(contract.Gather(prompts, digits, terminator, first, between))

        def result(event):
            if isinstance(event, contract.CallEvent_Digits):
                return True, event.value
            return isinstance(event, contract.CallEvent_NoInput), None

        return SimpleNamespace(action=action, result=result)

    def enqueue(self, queue: str, needs=(), priority: int = 0):
        """To be yielded: how the stay in the queue ended, `agent-left` or why the queue gave the caller back."""
        self._flush()
        action = contract.CallAction_Enqueue(contract.Enqueue(queue, list(needs), priority))

        def result(event):
            if isinstance(event, contract.CallEvent_AgentLeft):
                return True, "agent-left"
            if isinstance(event, contract.CallEvent_QueueLeft):
                return True, event.value.name.lower().replace("_", "-")
            return False, None

        return SimpleNamespace(action=action, result=result)

    def _flush(self):
        if self._prompts:
            self._actions.append(contract.CallAction_Play(self._prompts))
            self._prompts = []

    def _take(self):
        self._flush()
        actions, self._actions = self._actions, []
        return actions


def flow(run):
    """A step of a voice flow out of a generator function; the call ends when it returns."""

    def step(state, event):
        if isinstance(event, contract.CallEvent_Ended):
            return exports.Next(state, [])
        recorded = json.loads(state) if state else []
        call, running = Call(), run.__call__
        running = running(call)
        sent, place, actions = None, 0, []
        while True:
            try:
                waits = running.send(sent)
            except StopIteration:
                call.end()
                actions = call._take()
                break
            if place < len(recorded) and recorded[place] != _WAITS:
                # Answered already, so what led here was done then.
                sent = recorded[place]
                call._take()
            elif place < len(recorded):
                call._take()
                answered, sent = waits.result(event)
                if not answered:
                    break
                recorded[place] = sent
            else:
                actions = call._take() + [waits.action]
                recorded.append(_WAITS)
                break
            place += 1
        return exports.Next(json.dumps(recorded).encode(), actions)

    return step
