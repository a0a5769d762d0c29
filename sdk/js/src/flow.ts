/**
 * A voice flow as straight-line code:
 *
 * ```ts
 * export default flow(async (call) => {
 *   call.say("Welcome.", "en");
 *   const digits = await call.gather({ digits: 1 });
 *   if (digits === "0") await call.enqueue("support");
 * });
 * ```
 *
 * Nothing waits in memory. The state between two events is the list of what was awaited so far; at the next event
 * the function runs again from its beginning, gets the recorded results at once, and goes on behind them. So it must
 * do the same when it gets the same: no randomness, no clock but `call.now()`, no reading of what may change.
 */
import { now } from "cx:host/clock@0.1.0";
import type { CallAction, CallEvent, Prompt } from "cx:call/types@0.1.0";
import { bytes, PluginError, voiceFlow } from "./index.ts";
import { Immediate } from "./immediate.ts";

/** What a call did while it was awaited: in a queue, with an agent, to its end. */
export type Served = "agent-left" | "unknown-queue" | "full" | "max-wait";

/** A result that was awaited. Short, since all of them are kept: 16 KiB for a call. */
type Recorded = string | number | null;

/** What can be gathered: how many digits, and for how long. Times are milliseconds. */
export interface Gather {
  /** At most so many digits, 1 to 32. */
  digits: number;
  /** Ends the input before that; not part of it. `#` unless given. */
  terminator?: string | null;
  /** Until the first digit; 5 s unless given. */
  first?: number;
  /** Between two digits; 3 s unless given. */
  between?: number;
}

/** One call, seen by its flow. */
export class Call {
  #recorded: Recorded[];
  #next = 0;
  #fresh: CallAction[] = [];
  #prompts: Prompt[] = [];
  #event: CallEvent;
  #consumed = false;
  #ended = false;

  constructor(recorded: Recorded[], event: CallEvent) {
    this.#recorded = recorded;
    this.#event = event;
  }

  /** The moment of the present event, in milliseconds since the Unix epoch; recorded, so that it stays. */
  now(): number {
    const known = this.#recorded[this.#next];
    this.#next += 1;
    if (typeof known === "number") return known;
    const moment = now();
    this.#recorded.push(moment);
    return moment;
  }

  /** Says a text; together with what is gathered next, which interrupts it. */
  say(text: string, language: string): void {
    this.#prompts.push({ tag: "say", val: { text, language } });
  }

  /** Plays a file of the tenant's prompts. */
  play(file: string): void {
    this.#prompts.push({ tag: "file", val: file });
  }

  /** Sets an attribute of the interaction; agents see it. */
  set(key: string, value: string): void {
    this.#act({ tag: "set", val: { key, value } });
  }

  /** Digits that the caller presses; null when none came in time. */
  gather(wanted: Gather): Immediate<string | null> {
    const { digits, terminator = "#", first = 5_000, between = 3_000 } = wanted;
    const prompts = this.#prompts.splice(0);
    return this.#await(
      { tag: "gather", val: { prompts, maxDigits: digits, terminator, firstDigit: first, betweenDigits: between } },
      (event) => {
        if (event.tag === "digits") return event.val;
        return event.tag === "no-input" ? null : undefined;
      },
    ) as Immediate<string | null>;
  }

  /** Puts the caller into a queue; the result says how that ended. */
  enqueue(queue: string, needs: { skill: string; level: number }[] = [], priority = 0): Immediate<Served> {
    return this.#await({ tag: "enqueue", val: { queue, needs, priority } }, (event) => {
      if (event.tag === "agent-left") return "agent-left";
      return event.tag === "queue-left" ? event.val : undefined;
    }) as Immediate<Served>;
  }

  /** Asks a question of the survey; null when it was not answered. `say` the question before. */
  ask(id: string, lowest: number, highest: number): Immediate<number | null> {
    const prompts = this.#prompts.splice(0);
    return this.#await({ tag: "ask-survey", val: { id, prompts, lowest, highest } }, (event) => {
      if (event.tag === "survey-answered") return event.val.value;
      return event.tag === "no-input" ? null : undefined;
    }) as Immediate<number | null>;
  }

  /** Ends the call. */
  end(): void {
    this.#act({ tag: "end" });
    this.#ended = true;
  }

  #act(action: CallAction) {
    this.#flush();
    if (this.#isNew()) this.#fresh.push(action);
  }

  /** Whether the code has come to where the last event left it. */
  #isNew(): boolean {
    return this.#next >= this.#recorded.length;
  }

  #flush() {
    const prompts = this.#prompts.splice(0);
    if (prompts.length > 0 && this.#isNew()) this.#fresh.push({ tag: "play", val: prompts });
  }

  #await(action: CallAction, result: (event: CallEvent) => Recorded | undefined): Immediate<Recorded> {
    this.#flush();
    if (!this.#isNew()) {
      const known = this.#recorded[this.#next] ?? null;
      this.#next += 1;
      // Asked already, and not answered yet: the mark at the end of the list.
      if (known === WAITS) return this.#answer(result);
      return Immediate.resolve(known);
    }
    this.#fresh.push(action);
    this.#recorded.push(WAITS);
    this.#next += 1;
    return NEVER;
  }

  #answer(result: (event: CallEvent) => Recorded | undefined): Immediate<Recorded> {
    const found = this.#consumed ? undefined : result(this.#event);
    if (found === undefined) return NEVER;
    this.#consumed = true;
    this.#recorded[this.#recorded.length - 1] = found;
    return Immediate.resolve(found);
  }

  /** @internal What the host gets. */
  done(ended: boolean) {
    this.#flush();
    if (ended && !this.#ended) this.#fresh.push({ tag: "end" });
    return { state: bytes.write(this.#recorded), actions: this.#fresh };
  }
}

/** Stands for a result that is waited for. No digits and no queue's name look like it. */
const WAITS = "\u0000";
const NEVER = new Immediate<never>(() => {});

/** A voice flow out of an async function; the call ends when it returns. */
export function flow(run: (call: Call) => PromiseLike<void>) {
  return voiceFlow({
    step(state, event) {
      if (event.tag === "ended") return { state: new Uint8Array(state), actions: [] };
      const recorded = bytes.read<Recorded[]>(state) ?? [];
      if (!Array.isArray(recorded)) throw new PluginError("bad-state", "the state is of another plugin");
      const call = new Call(recorded, event);
      let outcome: "waits" | "returned" | { error: unknown } = "waits";
      run(call).then(
        () => (outcome = "returned"),
        (error: unknown) => (outcome = { error }),
      );
      const reached = outcome as "waits" | "returned" | { error: unknown };
      if (typeof reached === "object") throw reached.error;
      return call.done(reached === "returned");
    },
  });
}
