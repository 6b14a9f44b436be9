import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
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
  readonly input: TextPieces<string>;
  readonly thinking: TextPieces<string>;
  readonly signature: TextPieces<string>;
  /** UTF-16 units of the text, or of the input of a block that our stream does not name. */
  length: number;
  /** The call of a `tool_use` block, once it has ended. */
  call: ToolCallInEvents | undefined;
  /** The stop of an index that no block has came while this was the only open block. */
  mayBeStopped: boolean;
}

/**
 * The blocks of one message. They should come one after the other. Those of some servers overlap, have other indexes in their
 * pieces than in their beginnings, or have no beginnings.
 */
export class MessageBlocks {
  private readonly all: MessageBlock[] = [];
  private readonly open = new Map<number, MessageBlock>();
  /** Indexes of blocks that ended without a stop: a later piece of them means no other block. */
  private readonly left = new Set<number>();

  get begun(): boolean {
    return this.all.length > 0;
  }

  /** Begins a block. Without an index it has no stop, and no piece names it. */
  begin(start: BlockStart, index?: number): MessageBlock {
    const block: MessageBlock = {
      place: this.all.length,
      index: index ?? 0,
      start,
      input: createTextPieces(),
      thinking: createTextPieces(),
      signature: createTextPieces(),
      length: 0,
      call: undefined,
      mayBeStopped: false,
    };
    this.all.push(block);
    if (index !== undefined) this.open.set(index, block);
    return block;
  }

  /**
   * The open block that a piece with this index means. With one open block every index means it. Without an index, the last one
   * is meant.
   */
  find(index: number | undefined): MessageBlock | undefined {
    if (index === undefined) return [...this.open.values()].at(-1);
    return this.open.get(index) ?? (this.left.has(index) ? undefined : this.only());
  }

  /** The last block, where it is of this type: a piece that fits no open block belongs to it. */
  last(type: 'text' | 'thinking'): MessageBlock | undefined {
    const last = this.all.at(-1);
    return last?.start.type === type ? last : undefined;
  }

  /** Ends the block that this stop means, and returns it. */
  stop(index: number | undefined): MessageBlock | undefined {
    const meant = this.find(index);
    if (meant === undefined) return undefined;
    if (index === undefined || meant.index === index) this.open.delete(meant.index);
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
    for (const block of ended) if (!block.mayBeStopped) this.left.add(block.index);
    return ended;
  }

  /** Ends all open blocks, and returns them. */
  stopAll(): readonly MessageBlock[] {
    return this.remove(() => true);
  }

  /** The blocks as the next turn sends them back, in their order. Meant for the end of the message. */
  kept(): readonly KeptBlock[] {
    return this.all.flatMap((block) => keptBlock(block) ?? []);
  }

  private only(): MessageBlock | undefined {
    const open = [...this.open.values()];
    const sure = open.filter(({ mayBeStopped }) => !mayBeStopped);
    const [one, ...others] = sure.length === 0 ? open : sure;
    return others.length === 0 ? one : undefined;
  }

  private remove(isEnded: (block: MessageBlock) => boolean): readonly MessageBlock[] {
    const ended = [...this.open.values()].filter(isEnded);
    for (const { index } of ended) this.open.delete(index);
    return ended;
  }
}

function keptBlock({ start, thinking, signature, length, call }: MessageBlock): KeptBlock | undefined {
  switch (start.type) {
    case 'text':
      return { type: 'text', length };
    case 'thinking':
      // The API would refuse a thought without a signature; other servers with this API send none.
      if (signature.length === 0) return undefined;
      return { type: 'thinking', thinking: thinking.join(), signature: signature.join() };
    case 'redacted_thinking':
      return start;
    case 'tool_use':
      return call?.startedId === undefined ? undefined : { type: 'tool_use', id: call.startedId };
    case 'other':
      return undefined;
  }
}
