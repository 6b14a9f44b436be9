/**
 * Pages of memory outside of the JavaScript heap: a collection has nothing to visit there, however much is kept. They are cut
 * out of slabs; a slab of which no page is taken is given back to the system.
 *
 *     slabs   [ page page page … ][ page page … ] …       page number = slab × pages of a slab + place in it
 */
export class PagePool {
  private readonly slabPages: number;
  private readonly slabs: (Slab | undefined)[] = [];
  /** The places in `slabs` of those that were given back. */
  private readonly gone: number[] = [];
  /** No slab before this one has a free page. */
  private lowest = 0;
  /** Slabs without a taken page: one is kept, so that a page which comes and goes does not make a slab each time. */
  private unused = 0;
  /** How many pages are taken. */
  taken = 0;

  constructor(slabPages: number) {
    this.slabPages = slabPages;
  }

  /** The number of a page for one owner, with bytes of any value. The lowest comes first, so that the other slabs become empty. */
  take(): number {
    const { slabs } = this;
    while (this.lowest < slabs.length && !slabs[this.lowest]?.free.length) this.lowest += 1;
    if (this.lowest === slabs.length) this.addSlab();
    const slab = slabs[this.lowest] as Slab;
    if (slab.free.length === this.slabPages) this.unused -= 1;
    this.taken += 1;
    return this.lowest * this.slabPages + (slab.free.pop() as number);
  }

  private addSlab(): void {
    this.lowest = this.gone.pop() ?? this.slabs.length;
    this.slabs[this.lowest] = createSlab(this.slabPages);
    this.unused += 1;
  }

  /** The owner uses the page no more. */
  give(page: number): void {
    const number = Math.floor(page / this.slabPages);
    const slab = this.slabs[number];
    if (slab === undefined) throw new Error('this page is not taken');
    slab.free.push(page % this.slabPages);
    this.taken -= 1;
    if (number < this.lowest) this.lowest = number;
    if (slab.free.length < this.slabPages) return;
    if (this.unused > 0) {
      this.slabs[number] = undefined;
      this.gone.push(number);
    } else this.unused += 1;
  }

  /** The memory in which a page lies, from {@link PagePool.offsetOf} on. */
  bytesOf(page: number): Buffer {
    return (this.slabs[Math.floor(page / this.slabPages)] as Slab).bytes;
  }

  offsetOf(page: number): number {
    return (page % this.slabPages) * pageBytes;
  }
}

interface Slab {
  readonly bytes: Buffer;
  /** The places of its free pages. */
  readonly free: number[];
}

/**
 * V8 counts what other buffers take as garbage to come, and collects the whole heap more often: three times as often, where much
 * is kept. It does not count shared ones.
 */
function createSlab(pages: number): Slab {
  const free = Array.from({ length: pages }, (_, place) => pages - 1 - place);
  return { bytes: Buffer.from(new SharedArrayBuffer(pages * pageBytes)), free };
}

/** Some eight events; a stream leaves half a page empty on average. */
export const pageBytes = 2_048;
