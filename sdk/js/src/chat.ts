/**
 * A written conversation as straight-line code:
 *
 * ```ts
 * export default flow(async (chat) => {
 *   chat.offer("What is it about?", { order: "My order", other: "Something else" });
 *   const answer = await chat.answer(120_000);
 *   if (answer === null) return;
 *   await chat.handedOver("support", { summary: answer.val });
 * });
 * ```
 *
 * It runs as calls do, see `./voice`. When it returns, the conversation is closed.
 */
import type { ChatAction, ChatEvent, Outgoing, QueueExit, QueueProgress } from "cx:chat/conversation@0.1.0";
import type { Need } from "cx:types/types@0.1.0";
import { chatFlow } from "./index.ts";
import { common, type InQueue, PAUSE, type Run, type Served, straight, Talk } from "./straight.ts";

/** Characters of a customer's message that a script keeps. */
const MAX_KEPT = 512;

/** What a customer answered: a message (its first 512 characters), or a choice (its id). */
export type Answer = { tag: "text"; val: string } | { tag: "choice"; val: string };

/** What happens while an agent has the conversation. */
export type WithAgent =
  /** The customer has waited so many milliseconds for the agent's answer. */
  | { tag: "unanswered"; val: number }
  /** The agent has closed the conversation after so many milliseconds. */
  | { tag: "left"; val: { agent: string; handled: number } };

/** What else a queue is told. */
export interface Enqueue {
  /** What the agent should know beforehand. */
  summary?: string | null;
  /** The skills that an agent must have. */
  needs?: Need[];
  /** Higher goes first; 0 unless given. */
  priority?: number;
}

/** The conversation at hand, as a script conducts it. */
export class Chat extends Talk<ChatAction, QueueProgress, QueueExit> {
  /** Sends a message. */
  send(message: Outgoing): void {
    this.run.actions.push({ tag: "send", val: message });
  }

  /** Sends a text. */
  say(text: string): void {
    this.send({ text, choices: [] });
  }

  /** Sends a text with choices, at most 10: what comes back, and what the customer sees. */
  offer(text: string, choices: Record<string, string>): void {
    this.send({ text, choices: Object.entries(choices).map(([id, label]) => ({ id, label })) });
  }

  /** Shows that an answer is being written, 100 to 10,000 ms. */
  typing(ms: number): void {
    this.run.actions.push({ tag: "typing", val: ms });
  }

  /** Sets an attribute of the interaction; agents see it. */
  set(key: string, value: string): void {
    this.run.actions.push({ tag: "set", val: { key, value } });
  }

  /** Waits so many milliseconds for the customer, 1,000 to 86,400,000; null when nothing came. */
  answer(within: number): PromiseLike<Answer | null> {
    return this.wait("answer", { tag: "await-reply", val: within });
  }

  /** Waits so long, 100 to 86,400,000 ms. */
  pause(ms: number): PromiseLike<void> {
    return this.wait("pause", { tag: "set-timer", val: { name: PAUSE, after: ms } });
  }

  /** Asks one survey question; null when it was not answered. */
  ask(id: string, text: string, lowest: number, highest: number): PromiseLike<number | null> {
    return this.wait("survey", { tag: "ask-survey", val: { id, text, lowest, highest } });
  }

  /** Puts the customer into a queue, and waits for what happens first. */
  enqueue(queue: string, more: Enqueue = {}): PromiseLike<InQueue<QueueProgress, QueueExit>> {
    return this.wait("queue", enqueue(queue, more));
  }

  /** Puts the customer into a queue until an agent takes over, or the queue gives the customer back. */
  handedOver(queue: string, more: Enqueue = {}): PromiseLike<Served<QueueExit>> {
    return this.wait("agent", enqueue(queue, more));
  }

  /** Waits for what happens while an agent has the conversation. */
  withAgent(): PromiseLike<WithAgent> {
    return this.wait("with-agent");
  }
}

const enqueue = (queue: string, { summary = null, needs = [], priority = 0 }: Enqueue): ChatAction => ({
  tag: "enqueue",
  val: { queue, needs, priority, summary },
});

/** What an event means to a script that waits for something; undefined when it is not what it waits for. */
function result(waiting: string, event: ChatEvent): unknown {
  switch (`${waiting} ${event.tag}`) {
    case "answer received": {
      const { text } = (event as ChatEvent & { tag: "received" }).val.message;
      return { tag: "text", val: text.slice(0, MAX_KEPT).toWellFormed() };
    }
    case "answer chosen":
      return { tag: "choice", val: (event as { val: unknown }).val };
    case "answer no-reply":
    case "survey no-reply":
      return null;
    case "with-agent unanswered":
      return { tag: "unanswered", val: (event as ChatEvent & { tag: "unanswered" }).val.waited };
    case "with-agent agent-left":
      return { tag: "left", val: (event as { val: unknown }).val };
  }
  return common(waiting, event);
}

/** A chat flow out of an async function; the conversation is closed when it returns. */
export function flow(script: (chat: Chat) => PromiseLike<void>) {
  const begin = (run: Run<ChatAction>) => new Chat(run);
  return chatFlow(straight<ChatEvent, ChatAction, Chat>(begin, script, result, { tag: "end" }));
}
