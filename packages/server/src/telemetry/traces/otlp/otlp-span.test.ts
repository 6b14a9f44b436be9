import { describe, expect, it } from 'vitest';
import { createRedact } from '../../redact.ts';
import type { Attributes } from '../contract.ts';
import { type CollectedSpan, spansIn } from '../testing/fake-collector.ts';
import { startServerSpan } from './otlp-span.ts';

const secret = 'sesame-open-4711';
const none = { traceparent: undefined, tracestate: undefined, baggage: undefined };

/** One span with these attributes, as the collector gets it. */
function spanWith(attributes: Attributes, nowMs = [100.25, 103.5]): CollectedSpan {
  const times = [...nowMs];
  let json = '';
  const span = startServerSpan(
    {
      add: (spanJson) => {
        json = spanJson;
      },
      isSampled: () => true,
      baggage: new Set(),
      redact: createRedact({ secrets: [secret] }),
      // The first reading relates both clocks, the second is the start.
      clock: () => 1_700_000_000_100,
      now: () => (times.length > 1 ? (times.shift() ?? 0) : (times[0] ?? 0)),
    },
    none,
    { name: 'GET /v1/models', attributes },
  );
  span.end();
  span.end();
  const [collected] = spansIn(`{"resourceSpans":[{"scopeSpans":[{"spans":[${json}]}]}]}`);
  if (collected === undefined) throw new Error('no span');
  return collected;
}

describe('a span', () => {
  it('has its times in nanoseconds since 1970, with parts of milliseconds', () => {
    const span = spanWith({}, [100.25, 100.25, 103.5]);
    expect(span.startTimeUnixNano).toBe('1700000000100000000');
    expect(span.endTimeUnixNano).toBe('1700000000103250000');
  });

  it('has attributes of each kind, none of which is undefined', () => {
    const span = spanWith({
      text: 'a',
      whole: 3,
      part: { fraction: 2 },
      yes: true,
      list: ['a', 'b'],
      gone: undefined,
    });
    expect(span.attributes).toEqual({ text: 'a', whole: 3, part: 2, yes: true, list: ['a', 'b'] });
  });

  it('holds a bounded part of a huge text, and no secret', () => {
    const span = spanWith({
      model: 'x'.repeat(10 * 1024 * 1024),
      spoken: `the word is ${secret}`,
      cut: `${'y'.repeat(1_015)} ${secret}`,
      many: Array.from({ length: 10_000 }, () => 'z'),
    });
    expect(span.attributes['model']).toBe(`${'x'.repeat(1_024)}…`);
    expect(span.attributes['spoken']).toBe('the word is ***');
    expect(span.attributes['cut']).not.toContain('sesame');
    expect(span.attributes['many']).toHaveLength(32);
  });

  it('drops a tracestate with a secret in it, which would go to the collector and to upstreams', () => {
    let json = '';
    const span = startServerSpan(
      {
        add: (spanJson) => {
          json = spanJson;
        },
        ...{ isSampled: () => true, baggage: new Set(), redact: createRedact({ secrets: [secret] }) },
        ...{ clock: () => 0, now: () => 0 },
      },
      { ...none, traceparent: [`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`], tracestate: [`k=${secret}`] },
      { name: 'GET /v1/models', attributes: {} },
    );
    expect(span.headers()).toEqual({ traceparent: `00-${'a'.repeat(32)}-${span.spanId}-01` });
    span.end();
    expect(json).not.toContain('sesame');
  });
});
