import { useCallback, useEffect, useState } from 'react';
import type { Connection } from '../api/connection.ts';
import type { PageFailure } from '../api/failure.ts';
import { parsed } from '../api/json.ts';

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
 * What a route of the administration answers, kept fresh while the element is there. Another path begins anew; without one
 * nothing is asked. `read` must be the same
 * function from call to call.
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

/** Asks a route of the administration and reads its JSON body; an answer without one is undefined. */
export async function askJson(
  connection: Connection,
  path: string,
  init: RequestInit & { readonly json?: unknown } = {},
): Promise<
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: PageFailure }
> {
  const { json, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (json !== undefined) headers.set('content-type', 'application/json');
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const asked = await connection.ask(path, { ...rest, headers, ...body });
  if (!asked.ok) return asked;
  return { ok: true, value: parsed(await asked.value.text()) };
}
