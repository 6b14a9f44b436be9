/**
 * The payloads of one stream's events by their numbers, from some number on. They are ASCII. New ones are kept as they came,
 * and packed outside of the JavaScript heap when a block is full: a collection has nothing to visit there, however much is kept.
 *
 *     [ block ][ block ] … [ payload payload payload ]
 *      packed, off heap     as they came
 *
 * The oldest are dropped block by block.
 */
export class EventBlocks {
  private blocks: Block[] = [];
  private recent: string[] = [];
  private recentBytes = 0;
  /** The number of `recent[0]`. */
  private recentFrom: number;
  /** Payload bytes of all that is kept. */
  bytes = 0;

  /** `first`: the number of the first event that will be added. */
  constructor(first = 1) {
    this.recentFrom = first;
  }

  /** The number of the oldest event that is kept; the number that the next one gets, where there is none. */
  get first(): number {
    return this.blocks[0]?.from ?? this.recentFrom;
  }

  /** The number of the newest event. */
  get last(): number {
    return this.recentFrom + this.recent.length - 1;
  }

  add(payload: string): void {
    this.recent.push(payload);
    this.recentBytes += payload.length;
    this.bytes += payload.length;
    if (this.recentBytes >= blockBytes) this.pack();
  }

  /** The payload of event `number`; undefined where it is not kept. */
  at(number: number): string | undefined {
    if (number >= this.recentFrom) return this.recent[number - this.recentFrom];
    const block = this.blockOf(number);
    if (block === undefined) return undefined;
    const index = number - block.from;
    return block.bytes.toString('latin1', index === 0 ? 0 : block.ends[index - 1], block.ends[index]);
  }

  /** Drops the oldest block; never the events that came since the last block was full. False where there is none. */
  dropOldest(): boolean {
    const oldest = this.blocks.shift();
    if (oldest === undefined) return false;
    this.bytes -= oldest.bytes.length;
    return true;
  }

  private blockOf(number: number): Block | undefined {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const block = this.blocks[middle];
      if (block === undefined || number < block.from) high = middle - 1;
      else if (number >= block.from + block.ends.length) low = middle + 1;
      else return block;
    }
    return undefined;
  }

  private pack(): void {
    const { recent, recentFrom } = this;
    const ends = new Uint32Array(recent.length);
    let end = 0;
    for (let index = 0; index < recent.length; index += 1) {
      end += recent[index]?.length ?? 0;
      ends[index] = end;
    }
    this.blocks.push({ from: recentFrom, bytes: Buffer.from(recent.join(''), 'latin1'), ends });
    this.recentFrom += recent.length;
    this.recent = [];
    this.recentBytes = 0;
  }
}

interface Block {
  /** The number of its first event. */
  readonly from: number;
  readonly bytes: Buffer;
  /** Where each of its events ends in `bytes`. */
  readonly ends: Uint32Array;
}

/** A block costs some 300 bytes besides its payloads. Larger than half of Node's pool, so a block is a buffer of its own. */
const blockBytes = 16 * 1024;
