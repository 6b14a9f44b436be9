/**
 * Who decodes next. Decoding a large body takes the event loop for up to a fifth of a second; of many that are
 * complete at the same moment one has its turn, and the next one's begins in a later turn of the loop, so that
 * everything else waits for one of them and not for their sum. Keys take turns, and of one key the oldest comes first.
 */
export interface BodyTurns {
  /** Resolves when the turn is the caller's; the caller ends it by a call of what it gets, once. */
  next(keyId: string): Promise<() => void>;
}

/** `later` calls back in a later turn of the event loop. */
export function createBodyTurns(later: (serve: () => void) => void = setImmediate): BodyTurns {
  /** No list is empty; the key at the front has the next turn. */
  const waiting = new Map<string, (() => void)[]>();
  /** A turn is under way, or its begin is planned. */
  let busy = false;

  function serve(): void {
    for (const [keyId, callers] of waiting) {
      const begin = callers.shift();
      waiting.delete(keyId);
      if (callers.length > 0) waiting.set(keyId, callers);
      begin?.();
      return;
    }
    busy = false;
  }

  return {
    next: (keyId) =>
      new Promise((resolve) => {
        const begin = () => resolve(() => later(serve));
        const callers = waiting.get(keyId);
        if (callers === undefined) waiting.set(keyId, [begin]);
        else callers.push(begin);
        if (!busy) later(serve);
        busy = true;
      }),
  };
}
