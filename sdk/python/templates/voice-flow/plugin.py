"""Greets, asks for a digit, and puts the caller into a queue.

The call is one generator. At each event it runs again from the beginning over what it waited for before;
`jackfield.straight` tells what that asks of it.
"""

from jackfield import config
from jackfield.voice import Left, flow

DEFAULTS = {
    "language": "en",
    "greeting": "Welcome. For billing press 1, for anything else press 2.",
    # Queues by digit.
    "queues": {"1": "billing"},
    "default-queue": "support",
}


@flow
def step(call):
    settings = config(**DEFAULTS)
    language, queue = settings["language"], settings["default-queue"]
    # Asked twice; who presses nothing then is put through all the same.
    for _ in range(2):
        call.say(settings["greeting"], language)
        digit = yield call.digit(5_000)
        if digit is not None:
            queue = settings["queues"].get(digit, queue)
            break
    call.set("menu", queue)
    served = yield call.handed_over(queue)
    if isinstance(served, Left):
        call.say("Nobody can take your call now. Please call again later.", language)
