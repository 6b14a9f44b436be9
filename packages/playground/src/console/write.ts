import { useRef, useState } from 'react';
import { askJson } from '../api/ask-json.ts';
import type { Connection } from '../api/connection.ts';
import type { PageFailure } from '../api/failure.ts';
import { randomId } from '../api/random-id.ts';

export interface Write {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly json?: unknown;
}

export interface Writing {
  readonly isUnderWay: boolean;
  /** Why the last one was refused. */
  readonly failure: PageFailure | undefined;
  /** Resolves with the JSON body; undefined where it failed, or where one is under way already. */
  write(one: Write): Promise<{ readonly body: unknown } | undefined>;
  /** Shows a refusal of the page's own. */
  refuse(failure: PageFailure): void;
}

/**
 * Changes by the administration, one at a time. The same change has the same `Idempotency-Key` each time it is sent, so what is sent
 * again after a lost answer is carried out once.
 */
export function useWriting(connection: Connection): Writing {
  const [state, setState] = useState<{ isUnderWay: boolean; failure?: PageFailure }>({ isUnderWay: false });
  // Two clicks may come before the first of them is drawn.
  const isUnderWay = useRef(false);
  const once = useRef({ change: '', key: '' });

  async function write({ method, path, json }: Write): Promise<{ readonly body: unknown } | undefined> {
    if (isUnderWay.current) return undefined;
    isUnderWay.current = true;
    setState({ isUnderWay: true });
    const change = JSON.stringify([method, path, json]);
    if (once.current.change !== change) once.current = { change, key: randomId() };
    const headers = { 'idempotency-key': once.current.key };
    const asked = await askJson(connection, path, {
      method,
      headers,
      ...(json === undefined ? {} : { json }),
    });
    isUnderWay.current = false;
    if (asked.ok) setState({ isUnderWay: false });
    else setState({ isUnderWay: false, failure: asked.failure });
    return asked.ok ? { body: asked.value } : undefined;
  }

  return {
    isUnderWay: state.isUnderWay,
    failure: state.failure,
    write,
    refuse: (failure) => setState({ isUnderWay: false, failure }),
  };
}
