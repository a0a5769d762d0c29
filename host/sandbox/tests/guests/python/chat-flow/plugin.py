"""The chat flow of the conformance suite, in Python."""

from wit_world.exports.flow import Next
from wit_world.imports import chats, messages
from wit_world.imports import conversation as chat
from wit_world.imports.cx import Attribute, Need

EXITS = {
    chat.QueueExit.UNKNOWN_QUEUE: "unknown-queue",
    chat.QueueExit.FULL: "full",
    chat.QueueExit.MAX_WAIT: "max-wait",
}
WAIT = chat.ChatAction_AwaitReply(60_000)


def send(text, *choices):
    return chat.ChatAction_Send(chat.Outgoing(text, list(choices)))


def set_attribute(key, value):
    return chat.ChatAction_Set(Attribute(key, str(value)))


def timer(name, after):
    return chat.ChatAction_SetTimer(chat.Timer(name, after))


def decide(event, steps):
    match event:
        case chat.ChatEvent_Started():
            now = chats.current()
            text = f"{now.channel.name.lower()} {now.entry} {now.address} {now.language}"
            choices = [chat.Choice("a", "A"), chat.Choice("set", f"{len(now.attributes)} 项")]
            return [send(text, *choices), WAIT]
        case chat.ChatEvent_Received(received):
            message = received.message
            author, agent = message.author.name.lower(), message.agent or "-"
            text = f"{message.number} {message.at} {author} {agent} {message.text}"
            for file in received.attachments:
                text += f"|{file.name} {file.media_type} {'?' if file.size is None else file.size}"
            return [chat.ChatAction_Typing(500), send(text), WAIT]
        case chat.ChatEvent_Chosen(id):
            return [chat.ChatAction_Enqueue(chat.Enqueue(id, [Need("zh", 3)], -5, f"chose {id}"))]
        case chat.ChatEvent_NoReply():
            written = messages.list(1, 5)
            last = written[-1].text if written else ""
            return [send(f"{len(written)} {last}"), chat.ChatAction_End()]
        case chat.ChatEvent_QueueProgress(at):
            status = chats.queue(at.queue)
            expected = "-" if at.expected_wait is None else at.expected_wait
            return [send(f"{at.position} {at.waited} {expected} {status.available} {status.signed_in}")]
        case chat.ChatEvent_QueueLeft(exit):
            question = chat.SurveyQuestion("csat", "How was it?", 0, 10)
            return [set_attribute("exit", EXITS[exit]), chat.ChatAction_AskSurvey(question)]
        case chat.ChatEvent_Answered(agent):
            return [set_attribute("agent", agent), timer("nudge", 120_000)]
        case chat.ChatEvent_Unanswered(waits):
            return [send(f"{waits.agent} {waits.waited}")]
        case chat.ChatEvent_AgentLeft(left):
            return [set_attribute(left.agent, left.handled)]
        case chat.ChatEvent_SurveyAnswered(answer):
            return [set_attribute(answer.question, answer.value), chat.ChatAction_End()]
        case chat.ChatEvent_Timer(name):
            return [timer(name, 100)]
        case chat.ChatEvent_Ended():
            return [set_attribute("steps", steps)]
    return []


def step(state, event):
    steps = int(state or b"0") + 1
    if isinstance(event, chat.ChatEvent_Migrated):
        steps += event.value
    return Next(str(steps).encode(), decide(event, steps))
