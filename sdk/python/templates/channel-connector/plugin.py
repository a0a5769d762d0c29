"""Texts in and out of a provider that speaks plain JSON. The host receives, verifies and sends; secrets stay with it."""

import json

from jackfield import PluginError, config
from wit_world.imports.channel import (
    Conclusion_Accepted,
    Conclusion_Rejected,
    Message,
    Method,
    Parameter,
    Received,
    Rejection,
    Request,
    Secret,
    Value_Secret,
    Value_Text,
)


def receive(webhook):
    try:
        text = json.loads(webhook.body)
        message = Message(text["id"], text["from"], text["to"], None, None, text["text"], [])
    except (ValueError, KeyError, TypeError) as error:
        raise PluginError("bad-body", f"the request's body: {error!r}") from None
    return Received([message], [], None)


def render(message):
    # `url`: where messages are posted; `secret`: the name of the bearer token.
    settings = config(url="", secret="token")
    text = {"id": message.id, "from": message.sender, "to": message.recipient, "text": message.text}
    headers = [
        Parameter("content-type", Value_Text("application/json")),
        Parameter("authorization", Value_Secret(Secret(settings["secret"], "Bearer "))),
    ]
    return Request(Method.POST, settings["url"], [], headers, json.dumps(text).encode())


def conclude(response):
    if 200 <= response.status < 300:
        return Conclusion_Accepted(response.message)
    retryable = response.status >= 500 or response.status == 429
    return Conclusion_Rejected(
        Rejection(f"http-{response.status}", "the provider did not take the message", retryable)
    )
