// Straight-line flows: a conversation written as one async function, from the greeting to the good-bye.
//
// A flow is a pure step, asked once for each event, and remembers nothing. A script hides that: what it awaited so far is
// kept in the flow's state, and at each event it runs again from its beginning, is given the kept results at once, and
// goes on where it stopped. What it did before is not done again.
import { now } from "cx:host/clock@0.1.0";
import { bytes, PluginError } from "./index.ts";
import { Immediate } from "./immediate.ts";

/** Results that one script may await and keep. */
export const MAX_RESULTS = 256;
/** The timer behind `pause`. */
export const PAUSE = "straight-pause";

/** What happens to a customer in a queue. */
export type InQueue<Progress, Exit> =
  /** Still waiting. */
  | { tag: "waiting"; val: Progress }
  /** An agent has taken the conversation; with the agent's id. */
  | { tag: "answered"; val: string }
  /** The queue gave the customer back. */
  | { tag: "left"; val: Exit };

/** How the stay in a queue ended. */
export type Served<Exit> = Exclude<InQueue<never, Exit>, { tag: "waiting" }>;

/** A script's state: what it has awaited so far, and what it awaits now. */
interface Log {
  started: number;
  /** Moment, what was awaited, and what came of it. */
  results: [number, string, unknown][];
  /** Nothing before the beginning and after the end. */
  waiting: string | null;
}

/** One run of a script; `Action` is what it orders. */
export class Run<Action> {
  readonly log: Log;
  /** Ordered since the last result: what earlier runs ordered has been carried out. */
  actions: Action[] = [];
  waiting: string | null = null;
  broken: PluginError | null = null;
  #given = 0;
  #now: number;

  constructor(log: Log) {
    this.log = log;
    this.#now = log.started;
  }

  now(): number {
    return this.#now;
  }

  /** Waits for a result. When it is kept already it comes at once, and what was ordered before is done. */
  wait<T>(what: string): PromiseLike<T> {
    if (this.broken) return NEVER;
    const kept = this.#kept(what);
    if (kept) {
      this.actions = [];
      return Immediate.resolve(kept.value as T);
    }
    if (this.waiting !== null) {
      this.broken ??= new PluginError("awaits-other", `${what}: the script waits for two things at once`);
    }
    this.waiting = what;
    return NEVER;
  }

  once<T>(ask: () => T): T {
    const kept = this.#kept("once");
    if (kept) return kept.value as T;
    if (this.broken) throw this.broken;
    const value = ask();
    this.log.results.push([this.#now, "once", value ?? null]);
    this.#given += 1;
    return value;
  }

  /** The next kept result, when there is one; it must be one of `what`. */
  #kept(what: string): { value: unknown } | null {
    const result = this.log.results[this.#given];
    if (!result || this.broken) return null;
    const [at, known, value] = result;
    if (known !== what) {
      this.broken = new PluginError(
        "diverged",
        `the script waits for ${what} as result ${this.#given + 1}, and the run before waited for ${known}`,
      );
      return null;
    }
    this.#now = at;
    this.#given += 1;
    return { value };
  }
}

/** A conversation as a script conducts it; what calls and chats have in common. */
export abstract class Talk<Action, Progress, Exit> {
  /** @internal */
  protected readonly run: Run<Action>;

  /** @internal */
  constructor(run: Run<Action>) {
    this.run = run;
  }

  /** The moment of what came last, in milliseconds since the Unix epoch; the same in each run. */
  now(): number {
    return this.run.now();
  }

  /** Asks the host something and keeps the answer, so that each run goes the same way. What JSON holds can be kept. */
  once<T>(ask: () => T): T {
    return this.run.once(ask);
  }

  /** Waits for what happens next in the queue. */
  inQueue(): PromiseLike<InQueue<Progress, Exit>> {
    return this.wait("queue");
  }

  /** Orders what was said and not ordered yet. @internal */
  flush() {}

  /** @internal */
  protected order(action: Action) {
    this.flush();
    this.run.actions.push(action);
  }

  /** @internal */
  protected wait<T>(what: string, action?: Action): PromiseLike<T> {
    this.flush();
    if (action) this.run.actions.push(action);
    return this.run.wait<T>(what);
  }
}

/** What an event means to a script that waits for something, in calls and chats alike; undefined: nothing. */
export function common(waiting: string, event: { tag: string; val?: unknown }): unknown {
  const { val } = event;
  switch (`${waiting} ${event.tag}`) {
    case "survey survey-answered":
      return (val as { value: number }).value;
    case "pause timer":
      return val === PAUSE ? null : undefined;
    case "queue queue-progress":
      return { tag: "waiting", val };
    case "queue answered":
    case "agent answered":
      return { tag: "answered", val };
    case "queue queue-left":
    case "agent queue-left":
      return { tag: "left", val };
  }
  return undefined;
}

const NEVER = new Immediate<never>(() => {});

/** How a script becomes a flow, which calls and chats do alike with types of their own. */
export function straight<Event extends { tag: string; val?: unknown }, Action, Own extends { flush(): void }>(
  begin: (run: Run<Action>) => Own,
  script: (talk: Own) => PromiseLike<void>,
  result: (waiting: string, event: Event) => unknown,
  end: Action,
) {
  const go = (log: Log) => {
    const run = new Run<Action>(log);
    const talk = begin(run);
    let ended = false;
    let failed: { error: unknown } | null = null;
    script(talk).then(
      () => {
        ended = true;
      },
      (error: unknown) => {
        failed = { error };
      },
    );
    if (run.broken) throw run.broken;
    if (failed) throw (failed as { error: unknown }).error;
    if (!ended && run.waiting === null) {
      throw new PluginError("awaits-other", "the script awaits a promise that nothing settles");
    }
    talk.flush();
    if (log.results.length > MAX_RESULTS) {
      const found = log.results.length;
      throw new PluginError("too-long", `the script keeps ${found} results: expected at most ${MAX_RESULTS}`);
    }
    const waiting = ended ? null : run.waiting;
    return { waiting, actions: ended ? [...run.actions, end] : run.actions };
  };

  return {
    step(state: Uint8Array, event: Event): { state: Uint8Array; actions: Action[] } {
      const stays = { state: new Uint8Array(state), actions: [] };
      if (event.tag === "ended") return stays;
      const begun = event.tag === "started";
      const log = begun ? { started: now(), results: [], waiting: null } : read(state);
      if (event.tag === "migrated") {
        const { waiting } = go(log);
        if (waiting === log.waiting) return stays;
        const name = (waiting: string | null) => waiting ?? "nothing";
        throw new PluginError(
          "diverged",
          `the script waited for ${name(log.waiting)}, and this version of it for ${name(waiting)}`,
        );
      }
      if (!begun) {
        const found = log.waiting === null ? undefined : result(log.waiting, event);
        if (found === undefined) return stays;
        log.results.push([now(), log.waiting!, found]);
      }
      const { waiting, actions } = go(log);
      return { state: bytes.write({ ...log, waiting }), actions };
    },
  };
}

function read(state: Uint8Array): Log {
  const log = bytes.read<Partial<Log>>(state) ?? { started: now(), results: [], waiting: null };
  const { started, results, waiting = null } = log;
  if (typeof started !== "number" || !Array.isArray(results)) {
    throw new PluginError("bad-state", "the state is of another plugin");
  }
  return { started, results, waiting };
}
