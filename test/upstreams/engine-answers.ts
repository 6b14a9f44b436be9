import { expect } from 'vitest';
import type { Answer, Fields } from './answer.ts';

/** Asks a server with an OpenAI-compatible base URL for a completion. */
export function post(
  baseUrl: string,
  apiKey: string,
  fields: Fields,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(fields),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** An answer whose text begins with its thoughts, as the gateway separates them. */
export function thoughtsApart(answer: Answer): Answer {
  const [, reasoning, text] = /^<think>\s*(.*?)<\/think>\s*(.*)$/s.exec(answer.text) ?? [];
  return reasoning === undefined || text === undefined ? answer : { ...answer, reasoning, text };
}

/** Some say `stop` after calls, or after one that was asked for by name (contract, sections 3 and 7). */
export function callsTold(answer: Answer): Answer {
  return answer.calls.length > 0 && answer.finish === 'stop' ? { ...answer, finish: 'tool_calls' } : answer;
}

/** The code of an error, after a check that its message does not hold the engine's address. */
export async function codeOf(response: Response): Promise<string | undefined> {
  const { error } = (await response.json()) as { error?: { code: string; message: string } };
  expect(error?.message).not.toMatch(/127\.0\.0\.1|:\d{4}/);
  return error?.code;
}

/** Reads a stream to its end, and kills once the first text has come. */
export async function readKilling(response: Response, kill: () => Promise<void>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  let killed: Promise<void> | undefined;
  for await (const bytes of response.body ?? []) {
    read.push(bytes);
    if (killed === undefined && /"content":"[^"]/.test(Buffer.concat(read).toString('utf8'))) killed = kill();
  }
  expect(killed, 'some text came').toBeDefined();
  await killed;
  return Buffer.concat(read);
}
