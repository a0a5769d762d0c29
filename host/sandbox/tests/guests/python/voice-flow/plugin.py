"""The voice flow of the conformance suite, in Python."""

from wit_world.exports.flow import Next
from wit_world.imports import call, calls
from wit_world.imports.cx import Attribute, Need

EXITS = {
    call.QueueExit.UNKNOWN_QUEUE: "unknown-queue",
    call.QueueExit.FULL: "full",
    call.QueueExit.MAX_WAIT: "max-wait",
}


def say(language, text):
    return call.Prompt_Say(call.Speech(text, language))


def set_attribute(key, value):
    return call.CallAction_Set(Attribute(key, str(value)))


def timer(name, after):
    return call.CallAction_SetTimer(call.Timer(name, after))


def gather(prompts, terminator):
    return call.CallAction_Gather(call.Gather(prompts, 4, terminator, 5_000, 2_000))


def decide(event, steps):
    match event:
        case call.CallEvent_Started():
            now = calls.current()
            greeting = [
                say(now.language, f"{now.caller} → {now.number}, {len(now.attributes)} set"),
                call.Prompt_Silence(250),
                call.Prompt_File("welcome"),
            ]
            menu = gather([call.Prompt_File("menu")], "#")
            return [call.CallAction_Play(greeting), call.CallAction_Record(True), menu]
        case call.CallEvent_Digits(digits):
            if digits.startswith("9"):
                return [call.CallAction_End()]
            needs = [Need("zh", 3), Need("billing", 1)]
            return [call.CallAction_Enqueue(call.Enqueue(digits, needs, len(digits) - 2))]
        case call.CallEvent_NoInput():
            return [gather([], None)]
        case call.CallEvent_PromptFinished():
            prompts = [say("zh-CN", "请按 1 到 5")]
            return [call.CallAction_AskSurvey(call.SurveyQuestion("csat", prompts, 1, 5))]
        case call.CallEvent_QueueProgress(at):
            status = calls.queue(at.queue)
            expected = "-" if at.expected_wait is None else at.expected_wait
            said = f"{at.position} {at.waited} {expected} {status.waiting} {status.longest_wait}"
            return [call.CallAction_Play([say("en", said)])]
        case call.CallEvent_QueueLeft(exit):
            return [set_attribute("exit", EXITS[exit]), call.CallAction_End()]
        case call.CallEvent_Answered(agent):
            return [set_attribute("agent", agent), timer("nudge", 120_000)]
        case call.CallEvent_AgentLeft(left):
            return [call.CallAction_Record(False), set_attribute(left.agent, left.talked)]
        case call.CallEvent_SurveyAnswered(answer):
            return [set_attribute(answer.question, answer.value), call.CallAction_End()]
        case call.CallEvent_Timer(name):
            return [timer(name, 100)]
        case call.CallEvent_Ended():
            return [set_attribute("steps", steps)]
        case call.CallEvent_Said(words):
            return [set_attribute("said", words)]
    return []


def step(state, event):
    steps = int(state or b"0") + 1
    if isinstance(event, call.CallEvent_Migrated):
        steps += event.value
    return Next(str(steps).encode(), decide(event, steps))
