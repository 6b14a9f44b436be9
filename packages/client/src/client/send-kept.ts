import { refusalText } from '../errors/from-answer.ts';

/**
 * Sends a request whose headers `keptBy` ask the server to keep the answer. Where the server’s store is away, it is sent again
 * without them: an answer that cannot be picked up is better than none.
 */
export async function sendKept(
  send: (init: RequestInit) => Promise<Response>,
  init: RequestInit & { readonly headers: Headers },
  keptBy: readonly string[],
): Promise<Response> {
  const answer = await send(init);
  if (answer.status !== 503 || !keptBy.some((name) => init.headers.has(name))) return answer;
  if (!(await refusalText(answer.clone()))?.includes('"storage_unavailable"')) return answer;
  const headers = new Headers(init.headers);
  for (const name of keptBy) headers.delete(name);
  return send({ ...init, headers });
}
