/**
 * Who decodes next. Decoding takes the event loop for some microseconds or for a fifth of a second, by what a body is
 * made of. Of many bodies that are complete at the same moment as many are decoded at once as fit into a share, and
 * the others in later turns of the loop, so that everything else waits for one dear body and not for the sum of
 * them. Keys take turns, and of one key the oldest comes first.
 */
export interface BodyTurns {
  /** Resolves when the turn is the caller's; the caller ends it by a call of what it gets, once. */
  next(keyId: string): Promise<() => void>;
  /** For who has the turn: resolves at once, or in a later turn of the event loop where the share is used up. */
  rest(): Promise<void>;
}

export interface BodyTurnsParts {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back in a later turn of the event loop. */
  later(callback: () => void): void;
}

/** What decoding may take before the next body waits until the sockets have been read again, in milliseconds. */
const shareMs = 20;

export function createBodyTurns({ now, later }: BodyTurnsParts): BodyTurns {
  /** No list is empty; the key at the front has the next turn. */
  const waiting = new Map<string, ((end: () => void) => void)[]>();
  /** Since when the turn in hand decodes; undefined where none is given. */
  let startedMs: number | undefined;
  /** Of the share. Once it is used up, or something of it, `afresh` is planned. */
  let spentMs = 0;
  let planned = false;

  const isFree = () => startedMs === undefined && spentMs < shareMs;

  /** Two turns of the loop: between them it reads its sockets, and `/livez` is answered. */
  function afterSockets(callback: () => void): void {
    later(() => later(callback));
  }

  function plan(): void {
    if (planned) return;
    planned = true;
    afterSockets(afresh);
  }

  function afresh(): void {
    planned = false;
    spentMs = 0;
    serve();
  }

  function begin(): () => void {
    startedMs = now();
    plan();
    return end;
  }

  function end(): void {
    spentMs += now() - (startedMs ?? now());
    startedMs = undefined;
    serve();
  }

  function serve(): void {
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
    rest() {
      if (startedMs === undefined || now() - startedMs < shareMs) return Promise.resolve();
      return new Promise((resolve) => {
        afterSockets(() => {
          // What the caller does now is not counted, and may be as dear: the next body waits in any case.
          startedMs = now();
          spentMs = shareMs;
          plan();
          resolve();
        });
      });
    },
  };
}
