/**
 * Answers of each preset as raw bytes, replayed whole, byte by byte, and cut at each byte. A `written` fixture was made by hand
 * from the page or source that its note names; a `recorded` one was sent by a server of the version that it names. A folder has
 * the name of its preset, and may have a suffix after a `-`.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { decodeJsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { createEventGrammar } from '../../domain/event-grammar.ts';
import { fakeChatRequest } from '../../domain/fake-chat-request.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { partOf } from '../../testing/suite-part.ts';
import { failureOfRefusal } from './errors.ts';
import { batchesOf } from './fake-answer.ts';
import { type PresetName, presets } from './presets.ts';

interface Meta {
  readonly provenance: 'written' | 'recorded';
  readonly note: string;
  /** The version of the recorded server. */
  readonly version?: string;
  readonly stream: {
    readonly text: string;
    readonly reasoning: string;
    readonly finish: string;
    readonly usage: Usage;
    readonly extra?: unknown;
  };
  readonly toolCall: {
    readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
    readonly finish: string;
    readonly usage: Usage;
  };
  readonly error: {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly code: string;
    readonly param?: string;
    readonly retryAfterMs?: number;
  };
}

const file = (preset: string, name: string) =>
  readFileSync(new URL(`./fixtures/${preset}/${name}`, import.meta.url));

function resultOf(events: readonly StreamEvent[]) {
  const grammar = createEventGrammar(1);
  const calls: { name: string; arguments: string }[] = [];
  let [text, reasoning] = ['', ''];
  for (const event of events) {
    const problem = grammar.accept(event);
    if (problem !== undefined) throw new Error(problem);
    if (event.type === 'text-delta') text += decodeJsonText(event.json);
    if (event.type === 'reasoning-delta') reasoning += decodeJsonText(event.json);
    if (event.type === 'tool-call-start') calls.push({ name: event.name, arguments: '' });
    const call = calls.at(-1);
    if (event.type === 'tool-call-delta' && call !== undefined) call.arguments += decodeJsonText(event.json);
  }
  return {
    text,
    reasoning,
    calls,
    finish: events.find((event) => event.type === 'finish'),
    usage: events.find((event) => event.type === 'usage')?.usage,
    failed: events.find((event) => event.type === 'failed')?.failure.code,
    ended: grammar.ended,
  };
}

const folders = readdirSync(new URL('./fixtures/', import.meta.url));
const presetOf = (folder: string) => folder.split('-')[0] ?? folder;

test('every preset has fixtures, and all fixtures have a preset', () => {
  expect([...new Set(folders.map(presetOf))].toSorted()).toEqual(Object.keys(presets).toSorted());
});

describe.each(folders)('%s', (name) => {
  const meta = JSON.parse(file(name, 'meta.json').toString('utf8')) as Meta;
  const finishReasons = presets[presetOf(name) as PresetName].finishReasons;
  const replay = async (pieces: readonly Uint8Array[]) =>
    resultOf((await batchesOf(pieces, { finishReasons })).flat());
  const bytewise = (bytes: Buffer) => Array.from(bytes, (byte) => Uint8Array.of(byte));

  test('names the origin of its fixtures', () => {
    expect(meta.provenance).toMatch(/^(written|recorded)$/);
    expect(meta.note).not.toBe('');
    // The answers of a server depend on its version.
    expect(meta.version !== undefined).toBe(meta.provenance === 'recorded');
  });

  test.each(['whole', 'byte by byte'])('a stream, %s', async (how) => {
    const bytes = file(name, 'stream.sse');
    const { text, reasoning, finish, usage, ended } = await replay(
      how === 'whole' ? [bytes] : bytewise(bytes),
    );
    const { stream } = meta;
    expect({ text, reasoning, usage, ended }).toEqual({
      text: stream.text,
      reasoning: stream.reasoning,
      usage: stream.usage,
      ended: 'whole',
    });
    expect(finish).toEqual({
      type: 'finish',
      choice: 0,
      reason: stream.finish,
      ...(stream.extra === undefined ? {} : { extra: stream.extra }),
    });
  });

  test.each(['whole', 'byte by byte'])('a tool call, %s', async (how) => {
    const bytes = file(name, 'tool-call.sse');
    const { calls, finish, usage, ended } = await replay(how === 'whole' ? [bytes] : bytewise(bytes));
    const parsed = calls.map((call) => ({
      name: call.name,
      arguments: JSON.parse(call.arguments) as unknown,
    }));
    expect({ calls: parsed, usage, ended }).toEqual({
      calls: meta.toolCall.calls,
      usage: meta.toolCall.usage,
      ended: 'whole',
    });
    expect(finish?.reason).toBe(meta.toolCall.finish);
  });

  test('stream.sse cut anywhere before its finish is torn', () => cutAnywhere('stream.sse'));
  test('tool-call.sse cut anywhere before its finish is torn', () => cutAnywhere('tool-call.sse'));

  async function cutAnywhere(fixture: string): Promise<void> {
    const bytes = file(name, fixture);
    const lines = bytes.toString('latin1');
    // From the last byte of the event with the finish on, the answer is whole.
    const finishes = lines.search(/"finish_reason": ?"/);
    const whole = lines.indexOf('\n\n', finishes);
    // Both sides of that place are always tested.
    for (const at of [...partOf([...bytes.keys()], 50), whole - 1, whole]) {
      const { ended, finish, failed } = await replay([bytes.subarray(0, at)]);
      // Half of a later event may have carried output: OpenRouter's usage comes beside an empty delta.
      if (ended === 'torn' && at > whole && /"choices":\[\{[^\n]*$/.test(lines.slice(whole, at))) continue;
      const expected = at >= whole ? 'whole' : 'torn';
      if (
        ended !== expected ||
        (finish === undefined) !== at < whole ||
        (failed === undefined) === at < whole
      ) {
        throw new Error(`cut at byte ${at} of ${bytes.length}: ${ended}, expected ${expected}`);
      }
    }
  }

  test('an error', () => {
    const { status, headers, ...expected } = meta.error;
    const body = file(name, 'error.json').toString('utf8');
    const messages = [{ role: 'user', content: 'Hi', rest: { user: 'me' } }] as const;
    const request = fakeChatRequest('', { messages });
    const reason = failureOfRefusal({ status, headers, body }, { hidden: [], request, nowMs: 0 });
    expect(reason).toMatchObject(expected);
    expect(reason.message).not.toMatch(/:\/\/|org_|openrouter\.ai/);
  });
});
