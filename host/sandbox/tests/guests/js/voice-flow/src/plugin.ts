import { bytes, voiceFlow } from "@jackfield/plugin";
import { current, queue } from "cx:call/calls@0.1.0";
import type { CallAction, CallEvent, Prompt } from "cx:call/types@0.1.0";

const say = (language: string, text: string): Prompt => ({ tag: "say", val: { text, language } });
const set = (key: string, value: string): CallAction => ({ tag: "set", val: { key, value } });
const timer = (name: string, after: number): CallAction => ({ tag: "set-timer", val: { name, after } });
const gather = (prompts: Prompt[], terminator: string | null): CallAction => ({
  tag: "gather",
  val: { prompts, maxDigits: 4, terminator, firstDigit: 5_000, betweenDigits: 2_000 },
});

function decide(event: CallEvent, steps: number): CallAction[] {
  switch (event.tag) {
    case "started": {
      const { caller, number, attributes, language } = current();
      const greeting: Prompt[] = [
        say(language, `${caller} → ${number}, ${attributes.length} set`),
        { tag: "silence", val: 250 },
        { tag: "file", val: "welcome" },
      ];
      return [
        { tag: "play", val: greeting },
        { tag: "record", val: true },
        gather([{ tag: "file", val: "menu" }], "#"),
      ];
    }
    case "digits": {
      if (event.val.startsWith("9")) return [{ tag: "end" }];
      const needs = [
        { skill: "zh", level: 3 },
        { skill: "billing", level: 1 },
      ];
      return [{ tag: "enqueue", val: { queue: event.val, needs, priority: event.val.length - 2 } }];
    }
    case "no-input":
      return [gather([], null)];
    case "prompt-finished":
      return [{ tag: "ask-survey", val: { id: "csat", prompts: [say("zh-CN", "请按 1 到 5")], lowest: 1, highest: 5 } }];
    case "queue-progress": {
      const { position, waited, expectedWait } = event.val;
      const { waiting, longestWait } = queue(event.val.queue);
      const said = `${position} ${waited} ${expectedWait ?? "-"} ${waiting} ${longestWait}`;
      return [{ tag: "play", val: [say("en", said)] }];
    }
    case "queue-left":
      return [set("exit", event.val), { tag: "end" }];
    case "answered":
      return [set("agent", event.val), timer("nudge", 120_000)];
    case "agent-left":
      return [{ tag: "record", val: false }, set(event.val.agent, `${event.val.talked}`)];
    case "survey-answered":
      return [set(event.val.question, `${event.val.value}`), { tag: "end" }];
    case "timer":
      return [timer(event.val, 100)];
    case "ended":
      return [set("steps", `${steps}`)];
    case "said":
      return [set("said", event.val)];
    case "migrated":
      return [];
  }
}

export default voiceFlow({
  step(state, event) {
    const steps = (bytes.read<number>(state) ?? 0) + 1 + (event.tag === "migrated" ? event.val : 0);
    return { state: bytes.write(steps), actions: decide(event, steps) };
  },
});
