import type { TextPieces } from '../../domain/text-pieces.ts';
import type { ToolCallInEvents } from '../http/answer/tool-calls.ts';
import type { KeptBlock } from './assistant-blocks.ts';
import type { BlockStart } from './content-blocks.ts';

/** One block of an answer, and what has come of it. */
export interface MessageBlock {
  /** Its place among the blocks of the message, by their beginnings. */
  readonly place: number;
  readonly index: number;
  readonly start: BlockStart;
  /** The input of a block that our stream does not name, in pieces. */
  input: TextPieces<string> | undefined;
  thinking: TextPieces<string> | undefined;
  signature: TextPieces<string> | undefined;
  /** UTF-16 units of the text, or of the input of a block that our stream does not name. */
  length: number;
  /** The call of a `tool_use` block, once it has ended. */
  call: ToolCallInEvents | undefined;
  /** The stop of an index that no block has came while this was the only open block. */
  mayBeStopped: boolean;
}

const noBlocks: readonly MessageBlock[] = [];

/**
 * The blocks of one message. They should come one after the other. Those of some servers overlap, have other indexes in their
 * pieces than in their beginnings, or have no beginnings.
 */
export class MessageBlocks {
  /** Made with the first block. */
  private all: MessageBlock[] | undefined;
  /** The open blocks, by their beginnings. Replaced at each change: it nearly always has one block, or none. */
  private open: readonly MessageBlock[] = noBlocks;
  /** Indexes of blocks that ended without a stop: a later piece of them means no other block. */
  private left: Set<number> | undefined;

  get begun(): boolean {
    return this.all !== undefined;
  }

  /** Begins a block. Without an index it has no stop, and no piece names it. */
  begin(start: BlockStart, index?: number): MessageBlock {
    const block: MessageBlock = {
      place: this.all?.length ?? 0,
      index: index ?? 0,
      start,
      input: undefined,
      thinking: undefined,
      signature: undefined,
      length: 0,
      call: undefined,
      mayBeStopped: false,
    };
    if (this.all === undefined) this.all = [block];
    else this.all.push(block);
    if (index !== undefined) this.open = this.open.concat(block);
    return block;
  }

  /**
   * The open block that a piece with this index means. With one open block every index means it. Without an index, the last one
   * is meant.
   */
  find(index: number | undefined): MessageBlock | undefined {
    if (index === undefined) return this.open.at(-1);
    for (const block of this.open) if (block.index === index) return block;
    return this.left?.has(index) === true ? undefined : this.only();
  }

  /** The last block, where it is of this type: a piece that fits no open block belongs to it. */
  last(type: 'text' | 'thinking'): MessageBlock | undefined {
    const last = this.all?.at(-1);
    return last?.start.type === type ? last : undefined;
  }

  /** Ends the block that this stop means, and returns it. */
  stop(index: number | undefined): MessageBlock | undefined {
    const meant = this.find(index);
    if (meant === undefined) return undefined;
    if (index === undefined || meant.index === index) this.remove((block) => block === meant);
    else meant.mayBeStopped = true;
    return meant.mayBeStopped ? undefined : meant;
  }

  /**
   * Ends the blocks that a new one with this index leaves behind, and returns them. A block that our stream does not name is one
   * of them, because it is forwarded when it is complete.
   */
  stopBefore(index: number): readonly MessageBlock[] {
    const ended = this.remove(
      (block) => block.index === index || block.mayBeStopped || block.start.type === 'other',
    );
    for (const { mayBeStopped, index: leftIndex } of ended) {
      if (mayBeStopped) continue;
      this.left ??= new Set();
      this.left.add(leftIndex);
    }
    return ended;
  }

  /** Ends all open blocks, and returns them. */
  stopAll(): readonly MessageBlock[] {
    return this.remove(() => true);
  }

  /** The blocks as the next turn sends them back, in their order. Meant for the end of the message. */
  kept(): readonly KeptBlock[] {
    return this.all?.flatMap((block) => keptBlock(block) ?? []) ?? [];
  }

  private only(): MessageBlock | undefined {
    const { open } = this;
    const sure = open.filter(({ mayBeStopped }) => !mayBeStopped);
    const [one, ...others] = sure.length === 0 ? open : sure;
    return others.length === 0 ? one : undefined;
  }

  private remove(isEnded: (block: MessageBlock) => boolean): readonly MessageBlock[] {
    if (this.open.length === 0) return noBlocks;
    const ended = this.open.filter(isEnded);
    this.open = this.open.filter((block) => !isEnded(block));
    return ended;
  }
}

function keptBlock({ start, thinking, signature, length, call }: MessageBlock): KeptBlock | undefined {
  switch (start.type) {
    case 'text':
      return { type: 'text', length };
    case 'thinking':
      // The API would refuse a thought without a signature; other servers with this API send none.
      if (signature === undefined || signature.length === 0) return undefined;
      return { type: 'thinking', thinking: thinking?.join() ?? '', signature: signature.join() };
    case 'redacted_thinking':
      return start;
    case 'tool_use':
      return call?.startedId === undefined ? undefined : { type: 'tool_use', id: call.startedId };
    case 'other':
      return undefined;
  }
}
