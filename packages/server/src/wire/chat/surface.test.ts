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

test('the form of usage is what the request asks for, else the default of the key, else the deployment', () => {
  const includes = { ...body, stream: true, stream_options: { include_usage: true } };
  const form = (header: string | undefined, ofKey: 'inline' | 'separate' | undefined) => {
    const headers = header === undefined ? {} : { 'tailrace-usage-chunk': [header] };
    const asked = surface.decode(includes, headers, { usageChunk: ofKey });
    if (!asked.ok) throw new Error(asked.failure.message);
    const payloads: string[] = [];
    const to = { event: (payload: string) => payloads.push(payload) };
    const encoder = asked.value.form.streamEncoder({ id: 'x', requestId: 'r', createdAtMs: 0 });
    encoder.begin({ model: 'm', fingerprint: 'f' }, to);
    // With the separate form every chunk says that the usage comes later.
    return payloads[0]?.includes('"usage":null') ? 'separate' : 'inline';
  };
  expect(form(undefined, undefined)).toBe('inline');
  expect(form(undefined, 'separate')).toBe('separate');
  expect(form('inline', 'separate')).toBe('inline');
  expect(form('separate', 'inline')).toBe('separate');
  const asks = (value: string) => surface.decode(body, { 'tailrace-usage-chunk': [value] });
  expect(asks('separate').ok).toBe(true);
  expect(asks('both')).toMatchObject({ ok: false, failure: { param: 'tailrace-usage-chunk' } });
});
