import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamEvent } from '../domain/stream-event.ts';
import { createDelivered } from './delivered.ts';

const text = (words: string): StreamEvent => ({ type: 'text-delta', choice: 0, json: jsonText(words) });
const thought = (words: string): StreamEvent => ({
  type: 'reasoning-delta',
  choice: 0,
  json: jsonText(words),
});

function seen(...events: readonly StreamEvent[]) {
  const delivered = createDelivered();
  for (const event of events) delivered.add(event);
  return delivered;
}

describe('the delivered answer', () => {
  it('is not continuable once a tool call has begun', () => {
    expect(
      seen(text('a'), { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' }).continuable,
    ).toBe(false);
  });

  it('is not continuable once other output has come, or reasoning after the text', () => {
    const image: StreamEvent = { type: 'other-delta', choice: 0, field: 'images', value: '[1]' };
    expect(seen(image, text('a')).continuable).toBe(false);
    expect(seen(thought('why'), text('a'), thought('late'), text('b')).continuable).toBe(false);
    expect(seen(thought('why'), text('a')).continuable).toBe(true);
  });

  it('is kept in order, text and reasoning apart, however many deltas there were', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.string()), { maxLength: 400, size: 'max' }),
        (pieces) => {
          const inOrder = pieces.toSorted(([first], [second]) => Number(second) - Number(first));
          const delivered = seen(
            ...inOrder.map(([thinks, content]) => (thinks ? thought(content) : text(content))),
          );
          const of = (kind: boolean) =>
            pieces.map(([thinks, content]) => (thinks === kind ? content : '')).join('');
          expect([delivered.text, delivered.reasoning]).toEqual([of(false), of(true)]);
        },
      ),
    );
  });

  it('does not keep the buffers of the reads in memory', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const delivered = createDelivered();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let piece = 0; piece < 20_000; piece += 1) {
      const read = Buffer.alloc(1_000, 'a').toString('latin1');
      delivered.addText({ type: 'text-delta', choice: 0, json: jsonText(read.slice(500, 520)) });
    }
    collect();
    // The reads are 20 MB, the text is 0.4.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024);
    expect(delivered.text).toHaveLength(400_000);
  });
});
