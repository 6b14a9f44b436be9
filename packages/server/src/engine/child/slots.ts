/** A sequence, the tokens of its state, and the task that uses it. */
export interface Slot<Sequence, Task> {
  readonly index: number;
  readonly sequence: Sequence;
  /** The tokens whose state the sequence holds. */
  readonly tokens: number[];
  /**
   * The number of tokens from the first on that were all computed in slices of a prompt: to compute them again gives
   * the same bits. Tokens that were written one by one round differently.
   */
  canonical: number;
  task: Task | undefined;
  /** Order of use; 0 for never. */
  usedAt: number;
}

export interface Slots<Sequence, Task> {
  readonly all: readonly Slot<Sequence, Task>[];
  /** The best idle slot for a prompt; undefined where none is idle. */
  choose(tokens: readonly number[], repeatable: boolean): Slot<Sequence, Task> | undefined;
  /**
   * The slot, idle or not, whose state has the longest beginning of a prompt, and its length; undefined where none has
   * more than `least` tokens. For repeatable requests only canonical state counts.
   */
  donor(
    tokens: readonly number[],
    repeatable: boolean,
    least: number,
  ): { readonly slot: Slot<Sequence, Task>; readonly length: number } | undefined;
  /** Makes a slot idle; its state stays for prompts with the same beginning. */
  free(slot: Slot<Sequence, Task>): void;
}

export function createSlots<Sequence, Task>(sequences: readonly Sequence[]): Slots<Sequence, Task> {
  const all = sequences.map(
    (sequence, index): Slot<Sequence, Task> => ({
      index,
      sequence,
      tokens: [],
      canonical: 0,
      task: undefined,
      usedAt: 0,
    }),
  );
  let uses = 0;
  return {
    all,
    choose(tokens, repeatable) {
      let best: Slot<Sequence, Task> | undefined;
      let bestShared = 0;
      let oldest: Slot<Sequence, Task> | undefined;
      for (const slot of all) {
        if (slot.task !== undefined) continue;
        if (oldest === undefined || slot.usedAt < oldest.usedAt) oldest = slot;
        const common = commonPrefix(slot.tokens, tokens);
        const shared = repeatable ? Math.min(common, slot.canonical) : common;
        if (shared > bestShared && worthIt(common, slot.tokens.length, tokens.length)) {
          best = slot;
          bestShared = shared;
        }
      }
      return best ?? oldest;
    },
    donor(tokens, repeatable, least) {
      let best: Slot<Sequence, Task> | undefined;
      let length = least;
      for (const slot of all) {
        const common = commonPrefix(slot.tokens, tokens);
        const shared = repeatable ? Math.min(common, slot.canonical) : common;
        if (shared <= length) continue;
        best = slot;
        length = shared;
      }
      return best === undefined ? undefined : { slot: best, length };
    },
    free(slot) {
      slot.task = undefined;
      slot.usedAt = ++uses;
    },
  };
}

/**
 * True where a prompt continues or repeats a state, and does not only share a system prompt with it: the state of
 * another
 * chat is not replaced for its first few tokens while there is another idle slot.
 */
function worthIt(common: number, held: number, wanted: number): boolean {
  return common * 2 >= held || common * 10 >= wanted * 9;
}

export function commonPrefix(left: readonly number[], right: readonly number[]): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) if (left[index] !== right[index]) return index;
  return length;
}
