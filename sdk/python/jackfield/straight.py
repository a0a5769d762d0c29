"""What `jackfield.voice` and `jackfield.chat` have in common: a conversation written as one generator.

A flow is a pure step, asked once for each event, and remembers nothing. A script hides that: what it waited for so far is
kept in the flow's state, and at each event the generator runs again from its beginning, is given the kept results at
once, and goes on where it stopped. What it did before is not done again. So it must do the same when it gets the same:

- time is `now()` of the call or the chat, and what is asked of the host goes through `once(lambda: …)`, which keeps the
  answer; a script that waits for something else than before ends with the error `diverged`;
- it yields what the call or the chat offers and nothing else (error `awaits-other`);
- it keeps at most 256 results (error `too-long`), which together may be 16 KiB. Each step runs all before it again.
"""

import json
from dataclasses import dataclass
from typing import Any, Callable

from jackfield import PluginError, now

#: Results that one script may wait for and keep.
MAX_RESULTS = 256
#: The timer behind `pause`.
PAUSE = "straight-pause"


@dataclass(frozen=True)
class Waiting:
    """A customer waits in a queue. Times are milliseconds; `expected_wait` is None while nothing is known."""

    position: int
    waited: int
    expected_wait: int | None


@dataclass(frozen=True)
class Answered:
    """An agent, by id, has taken the conversation."""

    agent: str


@dataclass(frozen=True)
class Left:
    """The queue gave the customer back: `unknown-queue`, `full` or `max-wait`."""

    exit: str


@dataclass(frozen=True)
class AgentLeft:
    """The agent has ended the conversation after so many milliseconds."""

    agent: str
    handled: int


@dataclass(frozen=True)
class Unanswered:
    """The customer has waited so many milliseconds for the agent's answer."""

    waited: int


#: Results that are more than texts and numbers, by the name under which the state keeps them.
KEPT = {kind.__name__: kind for kind in (Waiting, Answered, Left, AgentLeft, Unanswered)}


@dataclass(frozen=True)
class Wait:
    """To be yielded."""

    what: str


class Talk:
    """A conversation at hand, as a script conducts it."""

    def __init__(self, log: dict):
        self._log = log
        self._given = 0
        self._now = log["started"]
        self._actions: list = []

    def now(self) -> int:
        """The moment of what came last, in milliseconds since the Unix epoch; the same in each run."""
        return self._now

    def once(self, ask: Callable[[], Any]) -> Any:
        """Asks the host something and keeps the answer, so that each run goes the same way. What JSON holds can be kept."""
        kept, value = self._kept("once")
        if kept:
            return value
        value = ask()
        self._log["results"].append([self._now, "once", value])
        self._given += 1
        return value

    def in_queue(self) -> Wait:
        """To be yielded: what happens next in the queue."""
        return self._wait("queue")

    def _flush(self) -> None:
        """Orders what was said and not ordered yet."""

    def _order(self, action) -> None:
        self._flush()
        self._actions.append(action)

    def _wait(self, what: str) -> Wait:
        self._flush()
        return Wait(what)

    def _kept(self, what: str) -> tuple[bool, Any]:
        """The next kept result, when there is one; it must be one of `what`."""
        results = self._log["results"]
        if self._given >= len(results):
            return False, None
        at, known, value = results[self._given]
        if known != what:
            number = self._given + 1
            raise PluginError(
                "diverged", f"the script waits for {what} as result {number}, and the run before waited for {known}"
            )
        self._now = at
        self._given += 1
        return True, value


def flow(talk: type, result: Callable, names: tuple, end: Callable, answer: Callable) -> Callable:
    """How a script becomes the step of a flow; `names` are the classes of the events started, ended and migrated."""
    started, ended, migrated = names

    def go(script, log) -> tuple[str | None, list]:
        here = talk(log)
        running = script(here)
        waiting = None
        try:
            value = None
            # A function that yields nothing is no generator, and has run.
            while running is not None:
                wait = running.send(value)
                if not isinstance(wait, Wait):
                    raise PluginError("awaits-other", f"the script yields {wait!r}: expected what the call or the chat offers")
                known, value = here._kept(wait.what)
                if not known:
                    waiting = wait.what
                    break
                here._actions.clear()
                if isinstance(value, dict) and value.get("is") in KEPT:
                    value = KEPT[value["is"]](**{name: field for name, field in value.items() if name != "is"})
        except StopIteration:
            pass
        here._flush()
        results = len(log["results"])
        if results > MAX_RESULTS:
            raise PluginError("too-long", f"the script keeps {results} results: expected at most {MAX_RESULTS}")
        if waiting is None:
            here._order(end())
        return waiting, here._actions

    def decorate(script: Callable) -> Callable:
        def step(state, event):
            if isinstance(event, ended):
                return answer(state, [])
            begun = isinstance(event, started) or not state
            log = {"started": now(), "results": [], "waiting": None} if begun else json.loads(state)
            if not isinstance(log, dict) or not isinstance(log.get("results"), list):
                raise PluginError("bad-state", "the state is of another plugin")
            if isinstance(event, migrated):
                waiting, _ = go(script, log)
                if waiting != log["waiting"]:
                    was, would = log["waiting"] or "nothing", waiting or "nothing"
                    raise PluginError("diverged", f"the script waited for {was}, and this version of it for {would}")
                return answer(state, [])
            if not begun:
                found, value = result(log["waiting"], event)
                if not found:
                    return answer(state, [])
                if isinstance(value, tuple(KEPT.values())):
                    value = {"is": type(value).__name__, **vars(value)}
                log["results"].append([now(), log["waiting"], value])
            log["waiting"], actions = go(script, log)
            return answer(json.dumps(log, ensure_ascii=False, separators=(",", ":")).encode(), actions)

        step.__doc__, step.__wrapped__ = script.__doc__, script
        return step

    return decorate
