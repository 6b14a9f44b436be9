import { type PagePool, pageBytes } from './page-pool.ts';

/**
 * The payloads of one stream's events by their numbers, from some number on. They are ASCII, and lie in pages outside of the
 * JavaScript heap. The oldest are dropped page by page.
 *
 *     page  [ length payload length payl ][ oad length payload … ]
 *
 * A payload may go on in the next pages, a length may not. Those that came last are also here as they came, until
 * {@link KeptEvents.shown}: their readers mostly take them at once.
 */
export class KeptEvents {
  /** The number of the newest event. */
  lastEvent: number;
  /** What the pages take. */
  heldBytes = 0;
  private newest: string | undefined;
  /** Those directly before `newest`. */
  private older: string[] | undefined;
  /** The memory of the last page; where it begins there, and where the next event begins in it. */
  private tail: Buffer = noBytes;
  private tailAt = 0;
  private end = pageBytes;
  private readonly pool: PagePool;
  /** For each page: its number, that of the first event which begins in it or behind it, and where that event begins. */
  private index: number[] = [];
  /** Where the oldest page is in `index`. What is before it is taken away seldom, for a long stream has a long index. */
  private oldestEntry = 0;
  /** The event behind the one that was read last: readers go on there. */
  private nextNumber = 0;
  private nextEntry = 0;
  private nextStart = 0;

  /** `first`: the number of the first event that will be added. */
  constructor(pool: PagePool, first = 1) {
    this.pool = pool;
    this.lastEvent = first - 1;
  }

  /** The number of the oldest event that is kept; the number that the next one gets, where there is none. */
  get firstEvent(): number {
    return this.index[this.oldestEntry + 1] ?? this.lastEvent + 1;
  }

  /** True where it has taken another page for the event. */
  add(payload: string): boolean {
    const { heldBytes } = this;
    this.lastEvent += 1;
    if (this.newest !== undefined) this.keepOlder(this.newest);
    this.newest = payload;
    if (this.end + lengthBytes > pageBytes) this.takePage(this.lastEvent);
    this.writeLength(payload.length);
    if (payload.length <= pageBytes - this.end) this.write(payload);
    else this.writeParts(payload);
    return this.heldBytes !== heldBytes;
  }

  private writeParts(payload: string): void {
    for (let written = 0; ; ) {
      const part = payload.slice(written, written + pageBytes - this.end);
      this.write(part);
      written += part.length;
      if (written === payload.length) return;
      this.takePage(this.lastEvent + 1);
      // Where the next event begins: what is left of this one comes first.
      this.index[this.index.length - 1] = Math.min(payload.length - written, pageBytes);
    }
  }

  private writeLength(length: number): void {
    const { tail } = this;
    const at = this.tailAt + this.end;
    tail[at] = length & 0xff;
    tail[at + 1] = (length >> 8) & 0xff;
    tail[at + 2] = (length >> 16) & 0xff;
    tail[at + 3] = length >>> 24;
    this.end += lengthBytes;
  }

  private write(part: string): void {
    if (part.length > 0) this.tail.write(part, this.tailAt + this.end, part.length, 'latin1');
    this.end += part.length;
  }

  /** The payload of event `number`; undefined where it is not kept. */
  event(number: number): string | undefined {
    const back = this.lastEvent - number;
    if (back === 0 && this.newest !== undefined) return this.newest;
    if (back < 0 || number < this.firstEvent) return undefined;
    const { older } = this;
    if (older !== undefined && back > 0 && back <= older.length) return older[older.length - back];
    if (number !== this.nextNumber) this.seek(number);
    return this.read();
  }

  /** The readers have had the newest events: from now on these lie in pages only. */
  shown(): void {
    this.newest = undefined;
    this.older = undefined;
  }

  /** The newest event begins behind the oldest page. */
  get canDrop(): boolean {
    const second = this.index[this.oldestEntry + entry + 1];
    return second !== undefined && second <= this.lastEvent;
  }

  /** Drops the oldest page; never the newest event. False where there is nothing to drop. */
  dropOldest(): boolean {
    if (!this.canDrop) return false;
    const { index, oldestEntry } = this;
    this.pool.give(index[oldestEntry] as number);
    this.oldestEntry += entry;
    if (this.oldestEntry * 2 >= index.length) {
      index.splice(0, this.oldestEntry);
      this.oldestEntry = 0;
    }
    this.heldBytes -= pageBytes;
    this.nextNumber = 0;
    return true;
  }

  /** Drops everything, and gives its pages back; the next event that is added has number `next`. */
  restart(next = this.lastEvent + 1): void {
    const { index } = this;
    for (let at = this.oldestEntry; at < index.length; at += entry) this.pool.give(index[at] as number);
    this.index = [];
    this.oldestEntry = 0;
    this.tail = noBytes;
    this.end = pageBytes;
    this.heldBytes = 0;
    this.lastEvent = next - 1;
    this.nextNumber = 0;
    this.shown();
  }

  private keepOlder(payload: string): void {
    if (this.older === undefined || this.older.length === mostOlder) this.older = [payload];
    else this.older.push(payload);
  }

  private takePage(firstEvent: number): void {
    const page = this.pool.take();
    this.index.push(page, firstEvent, 0);
    this.heldBytes += pageBytes;
    this.tail = this.pool.bytesOf(page);
    this.tailAt = this.pool.offsetOf(page);
    this.end = 0;
  }

  /** Goes to the beginning of an event that is kept. */
  private seek(number: number): void {
    const { index } = this;
    let low = this.oldestEntry / entry;
    let high = index.length / entry - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((index[middle * entry + 1] as number) <= number) low = middle;
      else high = middle - 1;
    }
    this.nextEntry = low * entry;
    this.nextNumber = index[this.nextEntry + 1] as number;
    this.nextStart = index[this.nextEntry + 2] as number;
    while (this.nextNumber < number) this.skip(this.readLength());
  }

  /** Reads the event that is next, and goes on to the one behind it. */
  private read(): string {
    const length = this.readLength();
    let entryAt = this.nextEntry;
    let start = this.nextStart + lengthBytes;
    this.skip(length);
    let text = '';
    for (let left = length; ; start = 0, entryAt += entry) {
      const part = Math.min(left, pageBytes - start);
      const page = this.index[entryAt] as number;
      const at = this.pool.offsetOf(page) + start;
      text += this.pool.bytesOf(page).toString('latin1', at, at + part);
      left -= part;
      if (left === 0) return text;
    }
  }

  private readLength(): number {
    const page = this.index[this.nextEntry] as number;
    return this.pool.bytesOf(page).readUInt32LE(this.pool.offsetOf(page) + this.nextStart);
  }

  private skip(length: number): void {
    const end = this.nextStart + lengthBytes + length;
    // A payload that ends with its page leaves no room for a length in it.
    const pages = Math.ceil(end / pageBytes) - 1;
    this.nextNumber += 1;
    this.nextEntry += pages * entry;
    this.nextStart = end - pages * pageBytes;
    if (this.nextStart + lengthBytes <= pageBytes) return;
    this.nextEntry += entry;
    this.nextStart = 0;
  }
}

/** Numbers for a page in `index`. */
const entry = 3;
const lengthBytes = 4;
const noBytes = Buffer.alloc(0);
/** More come together only in a replay, where they need not be here twice. */
const mostOlder = 64;
