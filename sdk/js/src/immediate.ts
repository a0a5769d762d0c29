// A promise that settles before an export of the component returns. The build turns `async` functions into generators
// over it, so that straight-line code gets as far as it can within one decision. A promise that nothing has settled just
// stays, and so does the code behind its `await`.
//
// Who follows a settled promise runs at once; what that sets off runs after it and not within it, so that a long
// conversation needs no deep stack.

type State<T> = { settled: false } | { settled: true; ok: true; value: T } | { settled: true; ok: false; error: unknown };
type Follower = () => void;

const jobs: Follower[] = [];
let running = false;

function soon(followers: Follower[]) {
  jobs.push(...followers);
  if (running) return;
  running = true;
  try {
    for (let job = jobs.shift(); job; job = jobs.shift()) job();
  } finally {
    running = false;
  }
}

export class Immediate<T> implements PromiseLike<T> {
  #state: State<T> = { settled: false };
  #followers: Follower[] = [];

  constructor(run: (resolve: (value: T | PromiseLike<T>) => void, reject: (error: unknown) => void) => void) {
    const reject = (error: unknown) => this.#settle({ settled: true, ok: false, error });
    const resolve = (value: T | PromiseLike<T>) => {
      if (isThenable(value)) value.then(resolve, reject);
      else this.#settle({ settled: true, ok: true, value });
    };
    try {
      run(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  #settle(state: State<T>) {
    if (this.#state.settled) return;
    this.#state = state;
    soon(this.#followers.splice(0));
  }

  then<R = T, E = never>(
    onValue?: ((value: T) => R | PromiseLike<R>) | null,
    onError?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Immediate<R | E> {
    return new Immediate<R | E>((resolve, reject) => {
      const follow = () => {
        const state = this.#state;
        if (!state.settled) return;
        try {
          if (state.ok) resolve(onValue ? onValue(state.value) : (state.value as unknown as R));
          else if (onError) resolve(onError(state.error));
          else reject(state.error);
        } catch (error) {
          reject(error);
        }
      };
      if (this.#state.settled) soon([follow]);
      else this.#followers.push(follow);
    });
  }

  catch<E>(onError: (error: unknown) => E | PromiseLike<E>): Immediate<T | E> {
    return this.then(null, onError);
  }

  finally(last: () => void): Immediate<T> {
    return this.then(
      (value) => (last(), value),
      (error) => {
        last();
        throw error;
      },
    );
  }

  static resolve<T>(value: T | PromiseLike<T>): Immediate<T> {
    return value instanceof Immediate ? value : new Immediate<T>((resolve) => resolve(value));
  }

  static reject(error: unknown): Immediate<never> {
    return new Immediate<never>((_, reject) => reject(error));
  }

  static all<T>(values: Iterable<T | PromiseLike<T>>): Immediate<T[]> {
    const waiting = [...values];
    const found: T[] = new Array(waiting.length);
    let left = waiting.length;
    return new Immediate<T[]>((resolve, reject) => {
      if (left === 0) resolve(found);
      waiting.forEach((value, n) =>
        Immediate.resolve(value).then((value) => {
          found[n] = value;
          if (--left === 0) resolve(found);
        }, reject),
      );
    });
  }

  static race<T>(values: Iterable<T | PromiseLike<T>>): Immediate<T> {
    return new Immediate<T>((resolve, reject) => {
      for (const value of values) Immediate.resolve(value).then(resolve, reject);
    });
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<T>).then === "function";
}
