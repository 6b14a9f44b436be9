/**
 * Which body is decoded next. Decoding blocks the event loop for some microseconds or for a fifth of a second, depending on
 * what the body is made of. Of many bodies that are complete at the same moment, only as many are decoded in one turn of
 * the loop as fit into a share of time. So everything else waits for one expensive body, not for the sum of them. Keys take
 * turns; of one key the oldest body comes first.
 */
export interface BodyTurns {
  /** Resolves when the caller's turn begins. The caller ends the turn by calling the function that it gets, once. */
  next(keyId: string): Promise<() => void>;
  /** Called within a turn: resolves at once, or in a later turn of the event loop where the share is used up. */
  pause(): Promise<void>;
}

export interface BodyTurnsParts {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back in a later turn of the event loop. */
  later(callback: () => void): void;
}

/** Milliseconds of decoding, after which the next body waits until the sockets have been read again. */
const shareMs = 20;
/** To plan a new share costs two turns of the event loop, some 5 µs: small bodies are decoded for so long before that. */
const plannedFromMs = 1;

export function createBodyTurns({ now, later }: BodyTurnsParts): BodyTurns {
  /** No list is empty; the key at the front has the next turn. */
  const waiting = new Map<string, ((end: () => void) => void)[]>();
  /** When the current turn began; undefined while no turn is given. */
  let startedMs: number | undefined;
  /** Used of the share, also in earlier turns of the loop. From `plannedFromMs` on `beginNewShare` is planned. */
  let spentMs = 0;
  let planned = false;

  const isFree = () => startedMs === undefined && spentMs < shareMs;

  /** Two turns of the loop: between them it reads its sockets, and `/livez` is answered. */
  function afterSockets(callback: () => void): void {
    later(() => later(callback));
  }

  function planNewShare(): void {
    if (planned) return;
    planned = true;
    afterSockets(beginNewShare);
  }

  function beginNewShare(): void {
    planned = false;
    spentMs = 0;
    giveNextTurn();
  }

  function begin(): () => void {
    startedMs = now();
    return end;
  }

  function end(): void {
    spentMs += now() - (startedMs ?? now());
    startedMs = undefined;
    if (spentMs >= plannedFromMs) planNewShare();
    giveNextTurn();
  }

  function giveNextTurn(): void {
    if (!isFree()) return;
    for (const [keyId, callers] of waiting) {
      const resolve = callers.shift();
      waiting.delete(keyId);
      if (callers.length > 0) waiting.set(keyId, callers);
      resolve?.(begin());
      return;
    }
  }

  return {
    next(keyId) {
      if (isFree() && waiting.size === 0) return Promise.resolve(begin());
      return new Promise((resolve) => {
        const callers = waiting.get(keyId);
        if (callers === undefined) waiting.set(keyId, [resolve]);
        else callers.push(resolve);
      });
    },
    pause() {
      if (startedMs === undefined || now() - startedMs < shareMs) return Promise.resolve();
      return new Promise((resolve) => {
        afterSockets(() => {
          // The rest of this turn may take as long again: the next body waits in any case.
          startedMs = now();
          spentMs = shareMs;
          planNewShare();
          resolve();
        });
      });
    },
  };
}
