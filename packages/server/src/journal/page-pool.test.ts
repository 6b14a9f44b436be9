import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PagePool, pageBytes } from './page-pool.ts';

describe('pages', () => {
  test('have one owner each, and none shares a byte with another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(9), { maxLength: 80 }),
        (slabPages, steps) => {
          const pool = new PagePool(slabPages);
          const taken: number[] = [];
          for (const [at, step] of steps.entries()) {
            if (step < 6) {
              const page = pool.take();
              expect(taken).not.toContain(page);
              taken.push(page);
              pool.bytesOf(page).writeUInt32LE(page, pool.offsetOf(page));
              pool.bytesOf(page).writeUInt32LE(page, pool.offsetOf(page) + pageBytes - 4);
            } else if (taken.length > 0) {
              const [page = -1] = taken.splice(at % taken.length, 1);
              pool.give(page);
            }
            expect(pool.taken).toBe(taken.length);
            for (const page of taken) {
              expect(pool.bytesOf(page).readUInt32LE(pool.offsetOf(page))).toBe(page);
              expect(pool.bytesOf(page).readUInt32LE(pool.offsetOf(page) + pageBytes - 4)).toBe(page);
            }
          }
        },
      ),
    );
  });

  test('take as much memory as is used, and one slab more at most', () => {
    const pool = new PagePool(4);
    const slabs = () => new Set(held.map((page) => pool.bytesOf(page))).size;
    let held = Array.from({ length: 40 }, () => pool.take());
    expect(slabs()).toBe(10);
    for (const page of held.splice(4)) pool.give(page);
    const before = pool.bytesOf(held[0] as number);
    held = [...held, ...Array.from({ length: 8 }, () => pool.take())];
    expect(slabs()).toBe(3);
    expect(pool.bytesOf(held[0] as number)).toBe(before);
  });

  test('are taken from slabs in use before one is made, also behind slabs that were given back', () => {
    const pool = new PagePool(2);
    const all = Array.from({ length: 8 }, () => pool.take());
    const slabs = new Set(all.map((page) => pool.bytesOf(page)));
    // Of the second slab one page, then all of the last and of the first one: two slabs are unused, and one of them goes.
    for (const at of [2, 6, 7, 0, 1]) pool.give(all[at] as number);
    for (let page = 0; page < 3; page += 1) expect(slabs).toContain(pool.bytesOf(pool.take()));
    expect(slabs).not.toContain(pool.bytesOf(pool.take()));
  });

  test('a slab is not made anew for a page that comes and goes', () => {
    const pool = new PagePool(2);
    const all = Array.from({ length: 6 }, () => pool.take());
    for (const page of all) pool.give(page);
    const slabs = new Set<Buffer>();
    for (let time = 0; time < 20; time += 1) {
      const page = pool.take();
      slabs.add(pool.bytesOf(page));
      pool.give(page);
    }
    expect(slabs.size).toBe(1);
  });
});
