import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budgetFor, createBodyBudget } from './body-budget.ts';

const mebibyte = 1024 ** 2;

describe('the budget of all request bodies', () => {
  it.each([1, 10 * mebibyte, 100 * mebibyte])(
    'always has room for the first body of %i bytes',
    (maxBytes) => {
      const budget = createBodyBudget(() => budgetFor(maxBytes));
      expect(budget.open('key').resize(maxBytes)).toBe(true);
    },
  );

  it('gives one key half of it at the most, however many bodies it sends', () => {
    const budget = createBodyBudget(() => 128 * mebibyte);
    const taken = Array.from({ length: 50 }, () => budget.open('greedy').resize(10 * mebibyte));
    expect(taken.filter(Boolean)).toHaveLength(6);
    expect(budget.held()).toBe(60 * mebibyte);
  });

  it('has room left for another key when one key has filled its share', () => {
    const budget = createBodyBudget(() => 128 * mebibyte);
    while (budget.open('greedy').resize(mebibyte));
    expect(budget.open('modest').resize(64 * 1024)).toBe(true);
    expect(budget.open('modest').resize(10 * mebibyte)).toBe(true);
  });

  it('changes nothing where it has no room', () => {
    const budget = createBodyBudget(() => 100);
    const body = budget.open('key');
    expect([body.resize(40), body.fits(51), body.resize(51), budget.held()]).toEqual([
      true,
      false,
      false,
      40,
    ]);
    expect([body.fits(50), body.resize(50), budget.held()]).toEqual([true, true, 50]);
  });

  it('gets back what a body held, once', () => {
    const budget = createBodyBudget(() => 100);
    const body = budget.open('key');
    body.resize(40);
    body.release();
    body.release();
    expect(budget.held()).toBe(0);
  });

  it('is never exceeded, and empty again when every body has been released', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      body: fc.nat({ max: 5 }),
      bytes: fc.nat({ max: 120 }),
      release: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 1, max: 200 }), (steps, capacity) => {
        const budget = createBodyBudget(() => capacity);
        const open = new Map<string, { share: ReturnType<typeof budget.open>; bytes: number }>();
        for (const { key, body, bytes, release } of steps) {
          const name = `${key}${body}`;
          const one = open.get(name) ?? { share: budget.open(key), bytes: 0 };
          open.set(name, one);
          if (release) {
            one.share.release();
            one.bytes = 0;
          } else if (one.share.resize(bytes)) one.bytes = bytes;
          const held = [...open.values()].reduce((sum, { bytes: more }) => sum + more, 0);
          expect(budget.held()).toBe(held);
          expect(held).toBeLessThanOrEqual(capacity);
        }
        for (const { share } of open.values()) share.release();
        expect(budget.held()).toBe(0);
      }),
    );
  });
});
