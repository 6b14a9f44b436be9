import { useCallback, useEffect, useState } from 'react';
import { askJson } from '../api/ask-json.ts';
import type { Connection } from '../api/connection.ts';
import type { PageFailure } from '../api/failure.ts';

export interface Resource<Value> {
  /** The last answer that came; a failure after it does not take it away. */
  readonly value: Value | undefined;
  /** Why the last try failed; undefined where it did not. */
  readonly failure: PageFailure | undefined;
  /** Asks now. */
  readonly reload: () => void;
}

export interface ResourceOptions<Value> {
  /** Takes what fits out of the JSON body. */
  read(body: unknown): Value;
  /** Asks again after so many milliseconds; not while the tab is hidden. Default: never. */
  readonly everyMs?: number;
}

/**
 * What a route answers, kept fresh while the element is there. Another path begins anew; without one nothing is asked. `read` must be
 * the same function from call to call.
 */
export function useResource<Value>(
  connection: Connection,
  path: string | undefined,
  { read, everyMs }: ResourceOptions<Value>,
): Resource<Value> {
  const [known, setKnown] = useState<{
    path: string | undefined;
    value?: Value;
    failure?: PageFailure | undefined;
  }>({ path });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each turn asks again.
  useEffect(() => {
    if (path === undefined) return;
    const asking = path;
    const abort = new AbortController();
    let timer: number | undefined;
    async function ask(): Promise<void> {
      if (!document.hidden) {
        const asked = await askJson(connection, asking, { signal: abort.signal }).catch(() => undefined);
        if (abort.signal.aborted || asked === undefined) return;
        if (asked.ok) setKnown({ path, value: read(asked.value) });
        else
          setKnown((before) => ({ ...(before.path === path ? before : { path }), failure: asked.failure }));
      }
      if (everyMs !== undefined) timer = window.setTimeout(() => void ask(), everyMs);
    }
    void ask();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [connection, path, read, everyMs, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const isOfPath = known.path === path;
  return { value: isOfPath ? known.value : undefined, failure: isOfPath ? known.failure : undefined, reload };
}
