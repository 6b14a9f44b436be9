import { decodeJsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import type { StreamEvent } from '../../domain/stream-event.ts';
import { describeFixtures } from '../shared/replay.suite.ts';
import { createTranslation } from '../shared/translation.ts';
import { createMessageDialect, messageOutput } from './stream.ts';

const translation = (due?: string) =>
  createTranslation({
    dialect: createMessageDialect({
      errors: { hidden: [], nowMs: 0 },
      completionId: 'chatcmpl-1',
      ...(due === undefined ? {} : { due }),
    }),
    maxEventBytes: 64 * 1024,
    output: messageOutput,
  });

const bytes = (...events: readonly object[]) =>
  new TextEncoder().encode(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
const textBlock = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
const text = (piece: string, index = 0) => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'text_delta', text: piece },
});
const stop = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } };

const texts = (events: readonly StreamEvent[]) =>
  events.map((event) => (event.type === 'text-delta' ? decodeJsonText(event.json) : '')).join('');
const codes = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.type === 'failed' ? [event.failure.code] : []));

describeFixtures(new URL('fixtures/streams/', import.meta.url), () => translation());

describe('signs of life', () => {
  test('a ping is one, half an event and a comment are none', () => {
    const stream = translation();
    expect(stream.push(bytes({ type: 'ping' }))).toEqual([]);
    expect(stream.push(new TextEncoder().encode(': hello\n\ndata: {"type"'))).toBeUndefined();
    expect(stream.push(new TextEncoder().encode(': "ping"}\n\n'))).toEqual([]);
  });
});

describe('what cannot be', () => {
  test('an unreadable event that shows output has torn the text', () => {
    const stream = translation();
    const events = stream.push(new TextEncoder().encode('data: {"type":"content_block_delta","ind\n\n'));
    expect(codes(events ?? [])).toEqual(['upstream_cut']);
    expect(stream.ended).toBe(true);
  });

  test('three unreadable events without output are forgiven, a fourth is not', () => {
    const stream = translation();
    for (let count = 0; count < 3; count += 1) {
      expect(stream.push(new TextEncoder().encode('data: {"type":"pi\n\n'))).toBeUndefined();
    }
    expect(codes(stream.push(new TextEncoder().encode('data: nonsense\n\n')) ?? [])).toEqual([
      'upstream_protocol',
    ]);
  });

  test('an event above the bound is a protocol error', () => {
    expect(codes(translation().push(bytes(text('x'.repeat(70_000)))) ?? [])).toEqual(['upstream_protocol']);
  });

  test('a delta of a block that is not open is a protocol error', () => {
    expect(codes(translation().push(bytes(textBlock, text('a', 1))) ?? [])).toEqual(['upstream_protocol']);
  });

  test('counts that are no counts are no usage', () => {
    const start = { type: 'message_start', message: { usage: { input_tokens: -5, output_tokens: 1 } } };
    const events = translation().push(bytes(start, textBlock, text('a'), stop)) ?? [];
    expect(events.map(({ type }) => type)).toEqual(['text-delta', 'finish']);
  });

  test('nothing is said behind the finish', () => {
    const stream = translation();
    expect(texts(stream.push(bytes(textBlock, text('a'), stop, text('b'), stop)) ?? [])).toBe('a');
    expect(stream.end(undefined)).toEqual([]);
  });
});

describe('behind a prefix', () => {
  test('the white space that was cut from its end has to come first, and is not said again', () => {
    const stream = translation(' \n');
    expect(texts(stream.push(bytes(textBlock, text(' '), text('\nGo'), text(' on'), stop)) ?? [])).toBe(
      'Go on',
    );
  });

  test('an answer that begins otherwise does not go on exactly, and is none', () => {
    expect(codes(translation(' ').push(bytes(textBlock, text('Go'))) ?? [])).toEqual(['upstream_cut']);
    expect(codes(translation(' \n').push(bytes(textBlock, text(' '), stop)) ?? [])).toEqual(['upstream_cut']);
  });
});
