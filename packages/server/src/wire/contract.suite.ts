import { jsonText } from '@tailrace/protocol';
import { describe, expect, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { AnswerEvent, AnswerForm, Surface } from './contract.ts';

export interface SurfaceCase {
  readonly name: string;
  readonly surface: Surface;
  /** A body that asks for a stream, or for one answer, of one choice. */
  body(stream: boolean): JsonValue;
  /** A body that it refuses. */
  readonly wrong: JsonValue;
  /** The text in a whole stream, or in a whole body. */
  textOf(answer: string): string;
  /** Whether these bytes are a whole stream. */
  isWhole(stream: string): boolean;
}

const run = { id: 'run-1', requestId: 'req_1', createdAtMs: 1_700_000_000_000 };
const served = { model: 'acme/chat', fingerprint: 'fp_1' };
const said = 'Grüße 😀\n"so"';
const events: readonly AnswerEvent[] = [
  { type: 'start' },
  ...[said.slice(0, 7), said.slice(7)].map(
    (text): AnswerEvent => ({ type: 'text-delta', choice: 0, json: jsonText(text) }),
  ),
  { type: 'usage', usage: { promptTokens: 3, completionTokens: 2 } },
  { type: 'finish', choice: 0, reason: 'stop' },
];
const cut = failure('upstream_cut', 'It broke off.');

/** The tests that every surface must pass. */
export function describeSurface({ name, surface, body, wrong, textOf, isWhole }: SurfaceCase): void {
  describe(`the surface ${name}`, () => {
    const formOf = (stream: boolean): AnswerForm => {
      const asked = surface.decode(body(stream), {});
      if (!asked.ok) throw new Error(asked.failure.message);
      expect(asked.value.request.stream).toBe(stream);
      return asked.value.form;
    };
    const streamOf = (form: AnswerForm, some: readonly AnswerEvent[], end: 'whole' | 'cut'): string => {
      const encoder = form.streamEncoder(run);
      const payloads: string[] = [];
      const to = { event: (payload: string) => void payloads.push(payload) };
      encoder.begin(served, to);
      for (const event of some) encoder.encode(event, to);
      const last = end === 'cut' ? encoder.fail(cut) : encoder.end;
      if (last !== undefined) payloads.push(last);
      return payloads.map(surface.framing.frame).join('');
    };

    test('refuses a body that it cannot read, with a failure that its own reply can carry', () => {
      const asked = surface.decode(wrong, {});
      if (asked.ok) throw new Error('it was taken');
      const { status, body: reply } = surface.errorReply(asked.failure, run.requestId);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(reply).not.toBe('');
    });

    test('makes a stream with the text of the events, in ASCII', () => {
      const stream = streamOf(formOf(true), events, 'whole');
      expect(textOf(stream)).toBe(said);
      expect(isWhole(stream)).toBe(true);
      expect(stream).toMatch(/^[\x20-\x7e\r\n\t]*$/);
    });

    test('makes the same stream twice for the same run', () => {
      const form = formOf(true);
      expect(streamOf(form, events, 'whole')).toBe(streamOf(form, events, 'whole'));
    });

    test('ends a torn stream so that it does not look whole, after any event', () => {
      for (let at = 0; at < events.length; at += 1) {
        expect(isWhole(streamOf(formOf(true), events.slice(0, at), 'cut'))).toBe(false);
      }
    });

    test('can write a failure before any event', () => {
      expect(formOf(true).streamEncoder(run).fail(cut)).not.toBe('');
    });

    test('makes one body from the same events', () => {
      const collector = formOf(false).collector(run);
      for (const event of events) expect(collector.add(event)).toBe(true);
      expect(textOf(collector.body(served))).toBe(said);
    });

    test('writes output that it does not name, and drops none', () => {
      const image: AnswerEvent = {
        type: 'other-delta',
        choice: 0,
        field: 'images',
        value: '[{"url":"data:gr\\u00fc"}]',
      };
      const some = [...events.slice(0, 2), image, ...events.slice(2)];
      const stream = streamOf(formOf(true), some, 'whole');
      expect(textOf(stream)).toBe(said);
      expect(stream).toContain('data:gr\\u00fc');
      const collector = formOf(false).collector(run);
      for (const event of some) expect(collector.add(event)).toBe(true);
      expect(collector.body(served)).toContain('data:gr\\u00fc');
    });

    test('never gives an id twice', () => {
      const ids = Array.from({ length: 1_000 }, () => surface.newId());
      expect(new Set(ids).size).toBe(1_000);
    });
  });
}
