import { expect, test } from 'vitest';
import { readServerTiming } from './server-timing.ts';

test('the times of the server are read by their names, beside those of servers on the way', () => {
  expect(readServerTiming('queue;dur=12, prompt;dur=340')).toEqual({ queueMs: 12, promptMs: 340 });
  const more = 'edge; desc="a, queue;dur=9"; dur=3, cache;desc=HIT,queue; desc="q" ; dur=0.5 , prompt;dur=7';
  expect(readServerTiming(more)).toEqual({ queueMs: 0.5, promptMs: 7 });
});

test.each([
  null,
  '',
  'queue;dur=12',
  'queue, prompt',
  'queue;dur=x, prompt;dur=1',
  'Queue;dur=1, prompt;dur=-1',
])('without both of them nothing is known: %s', (header) => expect(readServerTiming(header)).toEqual({}));
