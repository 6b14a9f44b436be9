/**
 * A process that can be killed between any two of its effects. Everything through which it reaches the world outside (the
 * store, the disk, its clients, its targets, messages) asks it first: after its death no effect takes place, and no answer
 * arrives.
 */
export interface Mortal {
  readonly dead: boolean;
  /** In milliseconds since the beginning; undefined while it lives. */
  readonly diedAtMs: number | undefined;
  /** One effect is about to take place. It may kill the process: then the effect must not take place. */
  effect(): void;
  /** Dies at this effect from now on, counted from 1. */
  dieAt(effects: number): void;
  kill(): void;
  /** Called at its death; at once where it is dead. */
  onDeath(work: () => void): void;
  /** The work, or a promise that never settles where the process is dead before or after it. */
  live<T>(work: () => Promise<T>): Promise<T>;
}

export function createMortal(monotonic: () => number): Mortal {
  let dead = false;
  let diedAtMs: number | undefined;
  let left = Number.POSITIVE_INFINITY;
  const works: (() => void)[] = [];
  const never = () => new Promise<never>(() => {});
  const mortal: Mortal = {
    get dead() {
      return dead;
    },
    get diedAtMs() {
      return diedAtMs;
    },
    effect() {
      left -= 1;
      if (left <= 0) mortal.kill();
    },
    dieAt(effects) {
      left = effects;
    },
    kill() {
      if (dead) return;
      dead = true;
      diedAtMs = monotonic();
      for (const work of works) work();
    },
    onDeath(work) {
      if (dead) work();
      else works.push(work);
    },
    async live(work) {
      mortal.effect();
      if (dead) return never();
      try {
        return await work().finally(() => mortal.effect());
      } catch (error) {
        if (dead) return never();
        throw error;
      } finally {
        if (dead) await never();
      }
    },
  };
  return mortal;
}
