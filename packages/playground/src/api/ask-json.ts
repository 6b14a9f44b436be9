import { type Connection, wholeText } from './connection.ts';
import type { PageFailure } from './failure.ts';
import { parsed } from './json.ts';

/** Asks a route and reads its JSON body; an answer without one is undefined. Rejects only when the signal has aborted it. */
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
  const text = asked.ok ? await wholeText(asked.value, rest.signal) : asked;
  return text.ok ? { ok: true, value: parsed(text.value) } : text;
}
