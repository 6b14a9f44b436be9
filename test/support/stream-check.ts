import { checkStream, type StreamCheckOptions, type StreamReport } from '@tailrace/protocol';
import { expect } from 'vitest';
import type { RawResponse } from './http-bytes.ts';

export interface StreamExpectation extends StreamCheckOptions {
  /** The client left in mid-stream: the end is missing, and the rest must be right. */
  readonly left?: boolean;
}

const endRules: ReadonlySet<string> = new Set([
  'framing-incomplete',
  'finish-missing',
  'usage-missing',
  'done-missing',
]);

/** Fails unless the body is a stream as the contract requires it; returns its content. */
export function expectTrueStream(body: Buffer, expectation: StreamExpectation = {}): StreamReport['summary'] {
  const { left, ...options } = expectation;
  const { violations, summary } = checkStream(body, options);
  const counted = left === true ? violations.filter(({ rule }) => !endRules.has(rule)) : violations;
  expect(counted, `the stream breaks the grammar:\n${body.toString('latin1').slice(0, 4000)}`).toEqual([]);
  return summary;
}

/**
 * One event is one write, which over HTTP/1.1 is one chunk; only the last write holds more: the finish, the
 * usage chunk of the separate form, and [DONE].
 */
export function expectOneEventAWrite(response: RawResponse): void {
  const shapes = response.chunks.map((chunk) => chunk.toString('latin1').split('\n\n'));
  for (const [index, events] of shapes.entries()) {
    expect(events.at(-1), 'a write ends with the blank line of its event').toBe('');
    const isLast = index === shapes.length - 1;
    expect(events.length - 1, `events in write ${index}`).toBeLessThanOrEqual(isLast ? 3 : 1);
  }
}
