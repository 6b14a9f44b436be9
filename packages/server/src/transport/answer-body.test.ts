import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import { createBodyQueue } from './answer-body.ts';

/** One read of the socket, as the lengths of its pieces; or a pull, which may pull again from within its receiver. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 0, maxLength: 3 }) },
  { weight: 4, arbitrary: fc.constantFrom('pull' as const, 'pull repeatedly' as const) },
);
const ending = fc.constantFrom('ends' as const, 'is cut' as const, 'is returned' as const);

test('in any order of reads and pulls each pull gets one call, and each byte comes once and in order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), ending, (steps, how) => {
      let paused = false;
      let destroyed = 0;
      const queue = createBodyQueue({
        pause: () => {
          paused = true;
        },
        resume: () => {
          paused = false;
        },
        destroy: () => {
          destroyed += 1;
        },
        detach: () => {},
      });
      const cut = failure('upstream_cut', 'cut');
      const shared = Buffer.alloc(64);
      let next = 1;
      let asked = 0;
      let told = 0;
      let over: { readonly reason: unknown } | undefined;
      const got: number[] = [];
      const pull = (again: boolean) => {
        // One pull at a time, and none after the end.
        if (asked > told || over !== undefined) return;
        asked += 1;
        queue.body.pull({
          bytes: (buffer, from, to) => {
            told += 1;
            got.push(...buffer.subarray(from, to));
            if (again) pull(true);
          },
          ended: (reason) => {
            told += 1;
            over = { reason };
          },
        });
      };

      for (const one of steps) {
        if (typeof one === 'string') pull(one !== 'pull');
        // A paused socket has no reads.
        else if (!paused) {
          let at = 0;
          for (const length of one) {
            for (let i = at; i < at + length; i += 1) {
              shared[i] = next % 251;
              next += 1;
            }
            queue.push(shared, at, at + length);
            at += length;
          }
          queue.flush();
          // The next read, of whichever socket, writes into the same buffer.
          shared.fill(255);
        }
        expect(told).toBeLessThanOrEqual(asked);
        // While a pull waits the socket is read; bytes without a pull pause it.
        if (asked > told) expect(paused).toBe(false);
        if (got.length < next - 1) expect([paused, asked - told]).toEqual([true, 0]);
      }
      if (how === 'is returned') void queue.body.return();
      else queue.end(how === 'is cut' ? cut : undefined);
      for (let i = 0; i < 3; i += 1) pull(false);

      expect(told).toBe(asked);
      expect(over).toEqual({ reason: how === 'is cut' ? cut : undefined });
      const whole = Array.from({ length: next - 1 }, (_, i) => (i + 1) % 251);
      expect(got).toEqual(how === 'is returned' ? whole.slice(0, got.length) : whole);
      expect(destroyed).toBe(how === 'is returned' ? 1 : 0);
    }),
    { numRuns: 500 },
  );
});

test('a pull from within the call with the last bytes gets the end', () => {
  const queue = createBodyQueue({ pause() {}, resume() {}, destroy() {}, detach() {} });
  const told: string[] = [];
  queue.body.pull({
    bytes: (buffer, from, to) => {
      told.push(buffer.toString('latin1', from, to));
      queue.body.pull({ bytes: () => told.push('more'), ended: () => told.push('end') });
    },
    ended: () => told.push('too early'),
  });
  queue.push(Buffer.from('last'), 0, 4);
  queue.end(undefined);
  queue.flush();
  expect(told).toEqual(['last', 'end']);
});
