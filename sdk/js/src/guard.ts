// Stands between the author's functions and the component's exports: what they throw becomes an error of the contract,
// and values that would silently become others on the way are named.

/** An answer "no": the host follows its fail policy and shows code and message to the administrator. */
export class PluginError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  /** @param code stable, for machines, for example `bad-config`; at most 64 bytes. */
  constructor(code: string, message: string, retryable = false) {
    super(message);
    this.name = "PluginError";
    this.code = code;
    this.retryable = retryable;
  }
}

type Functions = Record<string, (...values: never[]) => unknown>;

/** The same functions, each guarded. `wide`: the question has 64-bit sets, of which a number holds 53 bits. */
export function guarded<T extends object>(plugin: T, wide = false): T {
  const guard = (run: (...values: never[]) => unknown) => (...values: never[]) => {
    try {
      if (wide) checkSets(values[0]);
      const answer = run.apply(plugin, values);
      checkValue(answer, "answer");
      return answer;
    } catch (error) {
      throw inTheContract(error);
    }
  };
  const functions = plugin as unknown as Functions;
  const entries = Object.keys(functions).map((name) => [name, guard(functions[name]!)]);
  return Object.fromEntries(entries) as T;
}

function inTheContract(error: unknown) {
  // What a function of the host throws carries the contract's record.
  const payload = (Object(error) as { payload?: unknown }).payload;
  const { code, message, retryable, stack } = Object(payload ?? error) as Partial<PluginError>;
  if (typeof code === "string" && typeof message === "string") {
    return { code: code.toWellFormed(), message: message.toWellFormed(), retryable: retryable === true };
  }
  const text = error instanceof Error ? `${error.name}: ${message}\n${inSource(stack ?? "")}` : `thrown: ${String(error)}`;
  return { code: "exception", message: text.toWellFormed().trim(), retryable: false };
}

/** Where the lines of the bundle come from; the build puts it at the bundle's end. */
declare const jackfieldLines: { files: string[]; lines: Record<number, number[] | undefined> } | undefined;

/** A stack in lines of the author's files, without what is not theirs. */
export function inSource(stack: string): string {
  if (typeof jackfieldLines === "undefined") return stack;
  const { files, lines } = jackfieldLines;
  const own = stack.split("\n").flatMap((frame) => {
    const [, before, line, column] = /^(.*?)[^\s(]*:(\d+):(\d+)\)?$/.exec(frame.trimEnd()) ?? [];
    let [file, at] = [-1, 0];
    const known = lines[Number(line)] ?? [];
    for (let n = 0; n < known.length && (n === 0 || known[n]! < Number(column)); n += 3) {
      [file, at] = [known[n + 1]!, known[n + 2]!];
    }
    return file < 0 ? [] : [`${before}${before!.endsWith("(") ? "" : "("}${files[file]}:${at})`];
  });
  return own.length > 0 ? own.join("\n") : stack;
}

function checkSets(snapshot: unknown) {
  const { work = [], agents = [] } = Object(snapshot) as { work?: { needs: number }[]; agents?: { skills: number }[] };
  const wide = (number: number) => number > Number.MAX_SAFE_INTEGER;
  if (work.some((work) => wide(work.needs)) || agents.some((agent) => wide(agent.skills))) {
    throw new PluginError(
      "integer-range",
      "the queue's skill table has more than 53 skills: a number of JavaScript holds no more; use fewer, or another language",
    );
  }
}

function checkValue(value: unknown, path: string) {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
        throw new PluginError("bad-answer", `${path}: found ${value}, expected a number of at most 2^53 - 1`);
      }
      break;
    case "bigint":
      throw new PluginError("bad-answer", `${path}: found a bigint, expected a number`);
    case "string":
      if (!value.isWellFormed()) {
        throw new PluginError("bad-answer", `${path}: half of a surrogate pair is no Unicode`);
      }
      break;
    case "object":
      if (value instanceof Uint8Array) break;
      if (Array.isArray(value)) {
        for (let n = 0; n < value.length; n++) checkValue(value[n], `${path}[${n}]`);
      } else if (value !== null && typeof (value as PromiseLike<unknown>).then === "function") {
        throw new PluginError("bad-answer", `${path}: found a promise: expected the answer itself`);
      } else {
        for (const key in value) checkValue((value as Record<string, unknown>)[key], `${path}.${key}`);
      }
  }
}
