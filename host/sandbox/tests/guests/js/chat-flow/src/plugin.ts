import { bytes, chatFlow } from "@jackfield/plugin";
import { current, queue } from "cx:chat/chats@0.1.0";
import type { ChatAction, ChatEvent, Choice } from "cx:chat/conversation@0.1.0";
import { list } from "cx:chat/messages@0.1.0";

const send = (text: string, ...choices: Choice[]): ChatAction => ({ tag: "send", val: { text, choices } });
const set = (key: string, value: string): ChatAction => ({ tag: "set", val: { key, value } });
const timer = (name: string, after: number): ChatAction => ({ tag: "set-timer", val: { name, after } });
const WAIT: ChatAction = { tag: "await-reply", val: 60_000 };

function decide(event: ChatEvent, steps: number): ChatAction[] {
  switch (event.tag) {
    case "started": {
      const { channel, entry, address, language, attributes } = current();
      const choices = [
        { id: "a", label: "A" },
        { id: "set", label: `${attributes.length} 项` },
      ];
      return [send(`${channel} ${entry} ${address} ${language}`, ...choices), WAIT];
    }
    case "received": {
      const { number, at, author, agent, text } = event.val.message;
      const files = event.val.attachments.map(({ name, mediaType, size }) => `|${name} ${mediaType} ${size ?? "?"}`);
      const told = `${number} ${at} ${author} ${agent ?? "-"} ${text}${files.join("")}`;
      return [{ tag: "typing", val: 500 }, send(told), WAIT];
    }
    case "chosen": {
      const needs = [{ skill: "zh", level: 3 }];
      return [{ tag: "enqueue", val: { queue: event.val, needs, priority: -5, summary: `chose ${event.val}` } }];
    }
    case "no-reply": {
      const written = list(1, 5);
      return [send(`${written.length} ${written.at(-1)?.text ?? ""}`), { tag: "end" }];
    }
    case "queue-progress": {
      const { position, waited, expectedWait } = event.val;
      const { available, signedIn } = queue(event.val.queue);
      return [send(`${position} ${waited} ${expectedWait ?? "-"} ${available} ${signedIn}`)];
    }
    case "queue-left":
      return [
        set("exit", event.val),
        { tag: "ask-survey", val: { id: "csat", text: "How was it?", lowest: 0, highest: 10 } },
      ];
    case "answered":
      return [set("agent", event.val), timer("nudge", 120_000)];
    case "unanswered":
      return [send(`${event.val.agent} ${event.val.waited}`)];
    case "agent-left":
      return [set(event.val.agent, `${event.val.handled}`)];
    case "survey-answered":
      return [set(event.val.question, `${event.val.value}`), { tag: "end" }];
    case "timer":
      return [timer(event.val, 100)];
    case "ended":
      return [set("steps", `${steps}`)];
    case "migrated":
      return [];
  }
}

export default chatFlow({
  step(state, event) {
    const steps = (bytes.read<number>(state) ?? 0) + 1 + (event.tag === "migrated" ? event.val : 0);
    return { state: bytes.write(steps), actions: decide(event, steps) };
  },
});
