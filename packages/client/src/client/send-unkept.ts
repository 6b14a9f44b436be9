/** The second half of `sendKept`, which is rarely needed: `answer` is a 503. One that has another reason comes back as it is. */
export async function sendUnkept(
  answer: Response,
  send: (init: RequestInit) => Promise<Response>,
  init: RequestInit & { readonly headers: Headers },
  keptBy: readonly string[],
): Promise<Response> {
  if (!(await answer.clone().text()).includes('"storage_unavailable"')) return answer;
  const headers = new Headers(init.headers);
  for (const name of keptBy) headers.delete(name);
  return send({ ...init, headers });
}
