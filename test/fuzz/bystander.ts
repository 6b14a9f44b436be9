import type { TestServer } from '../support/server.ts';

/** The key of a caller who does nothing wrong, beside the server's own one. */
export const bystanderKey = 'tr_bystander_0b2c94d1';

const giveUpMs = 15_000;

/**
 * A caller with a key of its own that sends ordinary requests during the campaign: each has to be served.
 * Resolves to what went wrong.
 */
export async function runBystander(server: TestServer, round: number): Promise<string | undefined> {
  const asks = [
    { model: 'fuzz/scripted', stream: true },
    {
      model: 'fuzz/json',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'a', schema: { type: 'object', properties: { a: { const: round } } } },
      },
    },
    {
      model: 'random',
      max_tokens: 8,
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'a',
          schema: { type: 'object', properties: { [`a${round}`]: { type: 'null' } } },
        },
      },
    },
  ];
  const ask = asks[round % asks.length];
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bystanderKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello.' }], ...ask }),
    signal: AbortSignal.timeout(giveUpMs),
  });
  const text = await response.text();
  if (response.status !== 200)
    return `a bystander's request to ${ask?.model} got ${response.status}: ${text}`;
  if (ask?.stream === true && !text.endsWith('data: [DONE]\n\n'))
    return `a bystander's stream broke: ${text}`;
  return undefined;
}
