// The rest of an answer, by `continue_final_message`: what goes on behind a beginning joins it to the answer that was not cut.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { complete, type Fields } from './completion.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ model: 'default' });
});
afterAll(async () => {
  await server?.stop();
});

const question = { role: 'user', content: 'Tell me a story about a mill.' };
const asked = { model: 'default', messages: [question], temperature: 0 };

async function textOf(fields: Fields): Promise<{ text: string; promptTokens: number }> {
  const { status, choices, usage } = await complete(server, fields);
  expect(status).toBe(200);
  return { text: choices[0]?.text ?? '', promptTokens: usage.prompt_tokens };
}

test.each([true, false])('goes on exactly behind the beginning (stream: %s)', async (stream) => {
  const whole = await textOf({ ...asked, max_tokens: 40, stream });
  const beginning = await textOf({ ...asked, max_tokens: 15, stream });
  const messages = [question, { role: 'assistant', content: beginning.text }];
  const rest = await textOf({ ...asked, messages, continue_final_message: true, max_tokens: 25, stream });
  expect(beginning.text + rest.text).toBe(whole.text);
  expect(rest.promptTokens).toBeGreaterThan(whole.promptTokens + 10);
});

test('without the field the same messages get an answer of their own', async () => {
  const messages = [question, { role: 'assistant', content: 'Once upon a time there was a' }];
  const own = await textOf({ ...asked, messages, max_tokens: 12 });
  const rest = await textOf({ ...asked, messages, max_tokens: 12, continue_final_message: true });
  expect(rest.text).not.toBe(own.text);
});
