import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { pullOnce } from '../../domain/batches.ts';
import type { Message } from '../../domain/chat-request.ts';
import { fakeChatRequest } from '../../domain/fake-chat-request.ts';
import { features } from '../../domain/requirements.ts';
import { readStream } from '../contract.suite.ts';
import type { UpstreamCall } from '../contract.ts';
import { parseScript } from './load-script.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted.ts';

const page = readFileSync(new URL('../../../../../docs/scripted-upstream.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/```yaml.*\n# (\S+)\n([\s\S]*?)```/g)].map(([, file = '', text = '']) => ({
  file,
  text,
}));
const scripts = blocks.filter(({ file }) => file === 'answers.yaml').map(({ text }) => text);

async function upstreamOf(script: string | undefined): Promise<ScriptedUpstream> {
  const parsed = parseScript(script ?? '', 'answers.yaml');
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const clock = { wait: async () => {} };
  const created = await createScriptedUpstream({ name: 'lab', script: parsed.script, clock });
  if (!created.ok) throw new Error(created.problems.join('\n'));
  return created.upstream;
}

function call(text: string, role: 'user' | 'tool' = 'user'): UpstreamCall {
  const content = [{ type: 'text' as const, text }];
  const message: Message = role === 'user' ? { role, content } : { role, content, toolCallId: 'call_1' };
  const request = fakeChatRequest(text, { model: 'rehearsal', messages: [message] });
  return { request, model: 'demo', keyId: 'key', completionId: 'chatcmpl-1' };
}

describe('docs/scripted-upstream.md', () => {
  test('every block is a script or a configuration that names one', () => {
    expect(blocks.map(({ file }) => file)).toEqual([
      'tailrace.yaml',
      'answers.yaml',
      'answers.yaml',
      'answers.yaml',
    ]);
    expect(page.match(/```yaml/g)?.length).toBe(blocks.length);
    for (const script of scripts) expect(parseScript(script, 'answers.yaml')).toMatchObject({ ok: true });
    expect(parse(blocks[0]?.text ?? '')).toMatchObject({ upstreams: { lab: { kind: 'scripted' } } });
  });

  test('the complete example plays as in its comments', async () => {
    const upstream = await upstreamOf(scripts[0]);
    const read = (asked: UpstreamCall) => readStream(upstream.open(asked, new AbortController().signal), 1);

    const weather = await read(call('What is the weather?'));
    expect(weather.callArguments).toEqual(['{"city":"Bern"}']);
    expect(weather.events.filter((event) => event.type === 'tool-call-delta').length).toBe(3);
    expect((await read(call('rain', 'tool'))).texts).toEqual(['It rains in Bern.']);

    const flapping = [];
    for (let round = 0; round < 3; round += 1) flapping.push((await read(call('flapping'))).ended);
    expect(flapping).toEqual(['torn', 'torn', 'whole']);

    const cut = await read(call('cut'));
    expect([cut.texts, cut.ended]).toEqual([['The answer to this question is'], 'torn']);
    expect((await read(call('Good morning'))).texts).toEqual(['You said: Good morning']);

    const abort = new AbortController();
    const stalled = upstream.open(call('stall'), abort.signal);
    expect((await pullOnce(stalled)).value).toMatchObject([{ type: 'text-delta' }]);
    const silence = pullOnce(stalled);
    abort.abort();
    expect((await silence).done).toBe(true);
  });

  test('each fault of the page breaks the stream as the page says', async () => {
    const upstream = await upstreamOf(scripts[1]);
    const read = (text: string) => readStream(upstream.open(call(text), new AbortController().signal), 1);
    expect((await read('no finish')).ended).toBeUndefined();
    await expect(read('out of place')).rejects.toThrow('choice 7 of 1');
    await expect(read('bug')).rejects.toThrow('a bug in the adapter');
  });

  test('it lists all features', async () => {
    const [, listed] = /The features are `([^`]+)`/.exec(page) ?? [];
    expect(listed?.split(', ')).toEqual([...features]);
    const upstream = await upstreamOf(scripts[2]);
    expect([...upstream.capabilities('bare')]).toEqual([]);
    expect(upstream.contextLength('plain')).toBe(2048);
    expect(upstream.contextLength('demo')).toBe(8192);
  });
});
