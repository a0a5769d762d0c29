/**
 * A call as straight-line code:
 *
 * ```ts
 * export default flow(async (call) => {
 *   call.say("For billing press 1, for anything else press 2.", "en");
 *   const queue = (await call.digit()) === "1" ? "billing" : "support";
 *   const served = await call.handedOver(queue);
 *   if (served.tag === "left") call.say("Nobody can take your call now.", "en");
 * });
 * ```
 *
 * Nothing waits in memory. What was awaited so far is the flow's state; at each event the function runs again from its
 * beginning, gets the kept results at once, and goes on where it stopped. So it must do the same when it gets the same:
 * time is `call.now()`, and what is asked of the host goes through `call.once(() => …)`, which keeps the answer. A script
 * that waits for something else than before ends with the error `diverged`, one that awaits two things at once or
 * something that is not the call's with `awaits-other`, and one that keeps more than 256 results with `too-long`. All
 * results together may be 16 KiB. When it returns, the call ends after everything has been played.
 */
import type { CallAction, CallEvent, Prompt, QueueExit, QueueProgress } from "cx:call/types@0.1.0";
import type { Need } from "cx:types/types@0.1.0";
import { voiceFlow } from "./index.ts";
import { common, type InQueue, PAUSE, type Run, type Served, straight, Talk } from "./straight.ts";

/** What can be gathered. Times are milliseconds. */
export interface Gather {
  /** At most so many digits, 1 to 32. */
  digits: number;
  /** Ends the input before that; not part of it. `#` unless given. */
  terminator?: string | null;
  /** Until the first digit; 5,000 unless given. */
  first?: number;
  /** Between two digits; 3,000 unless given. */
  between?: number;
}

/** What else a queue is told. */
export interface Enqueue {
  /** The skills that an agent must have. */
  needs?: Need[];
  /** Higher goes first; 0 unless given. */
  priority?: number;
}

/** The call at hand, as a script conducts it. */
export class Call extends Talk<CallAction, QueueProgress, QueueExit> {
  #prompts: Prompt[] = [];

  /** Says a text. What is gathered or asked next comes with it, and interrupts it. */
  say(text: string, language: string): void {
    this.#prompts.push({ tag: "say", val: { text, language } });
  }

  /** Plays a file of the tenant's prompts. */
  play(file: string): void {
    this.#prompts.push({ tag: "file", val: file });
  }

  /** Says nothing for so many milliseconds. */
  silence(ms: number): void {
    this.#prompts.push({ tag: "silence", val: ms });
  }

  /** Sets an attribute of the interaction; agents see it. */
  set(key: string, value: string): void {
    this.order({ tag: "set", val: { key, value } });
  }

  /** Starts or stops the recording. */
  record(on: boolean): void {
    this.order({ tag: "record", val: on });
  }

  /** Waits until everything has been played. */
  played(): PromiseLike<void> {
    return this.wait("played");
  }

  /** Waits so long, 100 to 3,600,000 ms. */
  pause(ms: number): PromiseLike<void> {
    return this.wait("pause", { tag: "set-timer", val: { name: PAUSE, after: ms } });
  }

  /** Takes digits; null when there was none in time. */
  gather(wanted: Gather): PromiseLike<string | null> {
    const { digits, terminator = "#", first = 5_000, between = 3_000 } = wanted;
    const prompts = this.#prompts.splice(0);
    return this.wait("digits", {
      tag: "gather",
      val: { prompts, maxDigits: digits, terminator, firstDigit: first, betweenDigits: between },
    });
  }

  /** Takes one digit; null when there was none within so many milliseconds. */
  digit(within = 5_000): PromiseLike<string | null> {
    return this.gather({ digits: 1, terminator: null, first: within });
  }

  /** Asks one survey question, of which the text was said before; null when it was not answered. */
  ask(id: string, lowest: number, highest: number): PromiseLike<number | null> {
    const prompts = this.#prompts.splice(0);
    return this.wait("survey", { tag: "ask-survey", val: { id, prompts, lowest, highest } });
  }

  /** Puts the caller into a queue, and waits for what happens first: to announce how long it will take. */
  enqueue(queue: string, more: Enqueue = {}): PromiseLike<InQueue<QueueProgress, QueueExit>> {
    return this.wait("queue", enqueue(queue, more));
  }

  /** Puts the caller into a queue until an agent answers, or the queue gives the caller back. */
  handedOver(queue: string, more: Enqueue = {}): PromiseLike<Served<QueueExit>> {
    return this.wait("agent", enqueue(queue, more));
  }

  /** Waits until the agent has hung up while the caller is still there. `talked` is milliseconds. */
  agentLeft(): PromiseLike<{ agent: string; talked: number }> {
    return this.wait("agent-left");
  }

  /** @internal */
  override flush() {
    const prompts = this.#prompts.splice(0);
    if (prompts.length > 0) this.run.actions.push({ tag: "play", val: prompts });
  }
}

const enqueue = (queue: string, { needs = [], priority = 0 }: Enqueue): CallAction => ({
  tag: "enqueue",
  val: { queue, needs, priority },
});

/** What an event means to a script that waits for something; undefined when it is not what it waits for. */
function result(waiting: string, event: CallEvent): unknown {
  switch (`${waiting} ${event.tag}`) {
    case "digits digits":
    case "agent-left agent-left":
      return (event as { val: unknown }).val;
    case "digits no-input":
    case "survey no-input":
    case "played prompt-finished":
      return null;
  }
  return common(waiting, event);
}

/** A voice flow out of an async function; the call ends when it returns. */
export function flow(script: (call: Call) => PromiseLike<void>) {
  const begin = (run: Run<CallAction>) => new Call(run);
  return voiceFlow(straight<CallEvent, CallAction, Call>(begin, script, result, { tag: "end" }));
}
