"""The channel connector of the conformance suite, in Python."""

import json

from jackfield import PluginError, config
from wit_world.imports.channel import (
    Attachment,
    Conclusion_Accepted,
    Conclusion_Rejected,
    Delivery,
    Message,
    Method,
    Parameter,
    Receipt,
    Received,
    Rejection,
    Reply,
    Request,
    Secret,
    Value_Secret,
    Value_Text,
)

STATES = {
    "sent": Delivery.SENT,
    "delivered": Delivery.DELIVERED,
    "read": Delivery.READ,
    "failed": Delivery.FAILED,
}


def of(told):
    files = [Attachment(*file) for file in told["files"]]
    return Message(told["id"], told["from"], told["to"], told.get("name"), told.get("at"), told["text"], files)


def receive(webhook):
    if webhook.method == "GET":
        challenge = next((field.value for field in webhook.query if field.name == "challenge"), None)
        status = 404 if challenge is None else 200
        return Received([], [], Reply(status, "text/plain", (challenge or "").encode()))
    try:
        body = json.loads(webhook.body)
    except ValueError as error:
        raise PluginError("bad-body", str(error)) from None
    receipts = []
    for told in body["receipts"]:
        if told["state"] not in STATES:
            raise PluginError("bad-state", told["state"])
        receipts.append(Receipt(told["id"], STATES[told["state"]], told.get("at"), told.get("code")))
    return Received([of(told) for told in body["messages"]], receipts, None)


def render(message):
    body = {
        "to": message.recipient,
        "text": message.text,
        "choices": [[choice.name, choice.value] for choice in message.choices],
    }
    return Request(
        Method.POST if message.in_reply_to is None else Method.PUT,
        config(url="https://provider.example/send")["url"],
        [Parameter("id", Value_Text(message.id)), Parameter("key", Value_Secret(Secret("api-key", "")))],
        [
            Parameter("content-type", Value_Text("application/json")),
            Parameter("authorization", Value_Secret(Secret("token", "Bearer "))),
        ],
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
    )


def conclude(response):
    if 200 <= response.status < 300:
        known = (header.value for header in response.headers if header.name == "x-id")
        return Conclusion_Accepted(next(known, response.message))
    try:
        said = response.body.decode()
    except UnicodeDecodeError:
        said = f"{len(response.body)} bytes"
    retryable = response.status >= 500 or response.status == 429
    return Conclusion_Rejected(Rejection(f"http-{response.status}", said, retryable))
