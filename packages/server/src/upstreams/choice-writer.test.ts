import { decodeJsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventGrammar } from '../domain/event-grammar.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import { roundsOf } from '../testing/suite-part.ts';
import { type ChoiceWriter, createChoiceWriter } from './choice-writer.ts';

/** The events that these calls make, in short. */
function written(write: (writer: ChoiceWriter) => void): string[] {
  const events: StreamEvent[] = [];
  write(createChoiceWriter({ choice: 0 }, { emit: (event) => void events.push(event) }));
  return events.map((event) => {
    if (event.type === 'other-delta') return `${event.field} ${event.value}`;
    const text = 'json' in event ? decodeJsonText(event.json) : '';
    return `${event.type.replace('-delta', '')} ${event.type === 'tool-call-start' ? event.name : text}`;
  });
}

const call = (name: string) => ({ id: `id_${name}`, name });

describe('text', () => {
  test('half of a surrogate pair waits for its other half; alone it becomes U+FFFD', () => {
    const pieces = (writer: ChoiceWriter) => {
      for (const piece of ['a\ud83d', '\ude00b', '\ud83d']) writer.text(piece);
      writer.flush();
    };
    expect(written(pieces)).toEqual(['text a', 'text 😀b', 'text \ufffd']);
  });

  test('empty, it makes no event, unless it has log probabilities', () => {
    const logprobs = [{ token: 'a', logprob: -1, bytes: null, top_logprobs: [] }];
    expect(
      written((writer) => {
        writer.text('');
        writer.reasoning('');
        writer.refusal('');
        writer.text('', { logprobs });
      }),
    ).toEqual(['text ']);
  });

  test('may have reasoning and other output before and after it, which are written in their order', () => {
    const both = (writer: ChoiceWriter) => {
      writer.reasoning('why');
      writer.text('so');
      writer.other('images', '[1]');
      writer.reasoning('late');
      writer.text('so too');
    };
    expect(written(both)).toEqual([
      'reasoning why',
      'text so',
      'images [1]',
      'reasoning late',
      'text so too',
    ]);
  });

  test('of which half of a surrogate pair is held keeps it while reasoning and other output come', () => {
    const halves = (writer: ChoiceWriter) => {
      writer.text('a\ud83d');
      writer.reasoning('why');
      writer.other('images', '[1]');
      writer.text('\ude00');
    };
    expect(written(halves)).toEqual(['text a', 'reasoning why', 'images [1]', 'text 😀']);
  });

  test('comes after the held half of a surrogate pair of the reasoning', () => {
    expect(
      written((writer) => {
        writer.reasoning('a\ud83d');
        writer.text('b');
      }),
    ).toEqual(['reasoning a', 'reasoning \ufffd', 'text b']);
  });
});

describe('a call', () => {
  test('without arguments has an empty object of them, whatever the finish', () => {
    for (const reason of ['tool_calls', 'length'] as const) {
      expect(
        written((writer) => {
          writer.startCall(call('f'));
          writer.startCall(call('g'));
          expect(writer.finish(reason)).toEqual({ reason });
        }),
      ).toEqual(['tool-call-start f', 'tool-call {}', 'tool-call-start g', 'tool-call {}']);
    }
  });

  test('with arguments that are not JSON tears the answer, unless it ran out of tokens', () => {
    const torn = (writer: ChoiceWriter) => {
      writer.startCall(call('f'));
      writer.arguments('{"a":');
      writer.startCall(call('g'));
      writer.arguments('{}');
    };
    const reasonOf = (reason: 'tool_calls' | 'length') => {
      const writer = createChoiceWriter({ choice: 0 }, { emit: () => {} });
      torn(writer);
      return writer.finish(reason);
    };
    expect(reasonOf('tool_calls')).toEqual({ tornCall: 0 });
    expect(reasonOf('length')).toEqual({ reason: 'length' });
  });

  test('changes the finish reason stop to tool_calls', () => {
    const writer = createChoiceWriter({ choice: 0 }, { emit: () => {} });
    expect(writer.finish('stop')).toEqual({ reason: 'stop' });
    writer.startCall(call('f'));
    expect(writer.finish('stop')).toEqual({ reason: 'tool_calls' });
    expect(writer.finish('content_filter')).toEqual({ reason: 'content_filter' });
  });
});

test('whatever is written keeps to the grammar of events', () => {
  const piece = fc.constantFrom('', ' ', 'a', '😀', '\ud83d', '\ude00', '{}', '{"a":', '1}');
  const step = fc.oneof(
    fc.tuple(fc.constantFrom('text', 'reasoning', 'refusal', 'other', 'arguments', 'flush'), piece),
    fc.tuple(fc.constant('call'), piece),
  );
  const reasons = fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), reasons, (steps, reason) => {
      const grammar = createEventGrammar(1);
      const judge = (event: StreamEvent) => expect(grammar.accept(event)).toBeUndefined();
      const writer = createChoiceWriter({ choice: 0 }, { emit: judge });
      for (const [what, text] of steps) {
        if (what === 'text') writer.text(text);
        else if (what === 'reasoning') writer.reasoning(text);
        else if (what === 'refusal') writer.refusal(text);
        else if (what === 'other') writer.other('images', '[1]');
        else if (what === 'flush') writer.flush();
        else if (what === 'call') writer.startCall(call('f'));
        else if (writer.calls > 0) writer.arguments(text);
      }
      const finished = writer.finish(reason);
      if ('reason' in finished) judge({ type: 'finish', choice: 0, reason: finished.reason });
    }),
    { numRuns: roundsOf(2_000, 400) },
  );
});
