"""Greets, asks what it is about, and hands over to an agent.

The conversation is one generator. At each event it runs again from the beginning over what it waited for before;
`jackfield.straight` tells what that asks of it.
"""

from jackfield import config
from jackfield.chat import Left, Unanswered, flow


@flow
def step(chat):
    settings = config(greeting="Hello! What is it about?", queue="support")
    chat.offer(settings["greeting"], {"order": "My order", "other": "Something else"})
    about = yield chat.answer(120_000)
    if about is None:
        return
    chat.set("about", about)
    served = yield chat.handed_over(settings["queue"], summary=about)
    if isinstance(served, Left):
        chat.say("Nobody is here now. We will write back.")
        return
    # Who waits long for the agent's answer gets a word from here.
    while isinstance((yield chat.with_agent()), Unanswered):
        chat.say("One moment, please.")
