import { decodeJsonText } from '@tailrace/protocol';
import { expect } from 'vitest';
import { createEventGrammar } from '../../domain/event-grammar.ts';
import type { StreamEvent } from '../../domain/stream-event.ts';
import type { Translation } from '../http/answer/translation.ts';
import { batchesOf, type FakeAnswerOptions } from '../openai/fake-answer.ts';

/** Checks the events of a whole answer with one choice against the grammar, and returns them. */
export function inGrammar(events: readonly StreamEvent[]): readonly StreamEvent[] {
  const grammar = createEventGrammar(1);
  for (const event of events) expect(grammar.accept(event)).toBeUndefined();
  return events;
}

/** The output in short: joined `text`, `(thought)`, `!refusal`, `f{…}` for calls, `field=JSON`, the usage, the end. */
export function outputInShort(events: readonly StreamEvent[]): string[] {
  let text = '';
  let thought = '';
  const rest: string[] = [];
  for (const event of events) {
    if (event.type === 'text-delta') text += decodeJsonText(event.json);
    else if (event.type === 'reasoning-delta') thought += decodeJsonText(event.json);
    else if (event.type === 'refusal-delta') rest.push(`!${decodeJsonText(event.json)}`);
    else if (event.type === 'other-delta') rest.push(`${event.field}=${event.value}`);
    else if (event.type === 'tool-call-start') rest.push(event.name);
    else if (event.type === 'tool-call-delta') rest.push(decodeJsonText(event.json));
    else if (event.type === 'usage') rest.push(`${event.usage.promptTokens}+${event.usage.completionTokens}`);
    else if (event.type === 'finish') rest.push(event.reason);
    else if (event.type === 'failed') rest.push(event.failure.code);
  }
  return [...(thought === '' ? [] : [`(${thought})`]), ...(text === '' ? [] : [text]), ...rest];
}

async function play(pieces: readonly (string | Uint8Array)[], options: Partial<FakeAnswerOptions> = {}) {
  return outputInShort(inGrammar((await batchesOf(pieces, options)).flat()));
}

/** The output of an OpenAI stream of these chunks, which is the same when it comes byte by byte. */
export async function readChunksInShort(...chunks: readonly object[]): Promise<string[]> {
  const body = `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;
  const whole = await play([body]);
  expect(await play(byteByByte(Buffer.from(body)))).toEqual(whole);
  return whole;
}

/** The output of an OpenAI answer that comes as one JSON text. */
export function readJsonInShort(answer: object): Promise<string[]> {
  return play([JSON.stringify(answer)], { contentType: 'application/json' });
}

/**
 * The output of these frames, in the short form of `short`, which is the same when they come byte by byte. `translate` makes a
 * new translation.
 */
export function readFrames(
  frames: readonly string[],
  translate: () => Translation,
  short: (event: StreamEvent) => readonly string[],
): string[] {
  const read = (pieces: readonly Uint8Array[]) => {
    const translation = translate();
    const events: StreamEvent[] = [];
    for (const piece of pieces) {
      if (translation.ended === undefined) events.push(...(translation.push(Buffer.from(piece)) ?? []));
    }
    if (translation.ended === undefined) events.push(...(translation.end(undefined) ?? []));
    return inGrammar(events).flatMap(short);
  };
  const bytes = Buffer.from(frames.join(''));
  const whole = read([bytes]);
  expect(read(byteByByte(bytes))).toEqual(whole);
  return whole;
}

/** The calls of an answer as `name arguments`, and how it ended. No two of them have the same id. */
export function callsInShort(events: readonly StreamEvent[]): string[] {
  const calls: string[] = [];
  const ids = new Set<string>();
  for (const event of inGrammar(events)) {
    if (event.type === 'tool-call-start') {
      calls.push(`${event.name} `);
      expect(ids.has(event.id)).toBe(false);
      ids.add(event.id);
    } else if (event.type === 'tool-call-delta') calls.push(calls.pop() + decodeJsonText(event.json));
    else if (event.type === 'finish') calls.push(event.reason);
    else if (event.type === 'failed') calls.push(event.failure.code);
  }
  return calls;
}

function byteByByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}
