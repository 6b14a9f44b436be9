import { checkStream } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import { describeSurface } from '../contract.suite.ts';
import { createChatSurface } from './surface.ts';

const surface = createChatSurface({ usageChunk: 'inline' });
const body = { model: 'acme/chat', messages: [{ role: 'user', content: 'Hi' }] };

describeSurface({
  name: 'chat',
  surface,
  body: (stream) => ({ ...body, stream }),
  wrong: { ...body, messages: 5 },
  textOf(answer) {
    if (!answer.startsWith('{')) return checkStream(Buffer.from(answer)).summary.choices[0]?.content ?? '';
    return (JSON.parse(answer) as { choices: [{ message: { content: string } }] }).choices[0].message.content;
  },
  isWhole: (stream) => checkStream(Buffer.from(stream)).summary.complete,
});

test('the form of usage is what the request asks for, else the deployment', () => {
  const asks = (value: string) => surface.decode(body, { 'tailrace-usage-chunk': [value] });
  expect(asks('separate').ok).toBe(true);
  expect(asks('both')).toMatchObject({ ok: false, failure: { param: 'tailrace-usage-chunk' } });
});
