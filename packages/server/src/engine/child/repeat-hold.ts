import type { CallPart } from './call-reader.ts';

/**
 * With a grammar, small models repeat the same call until their limit. The answer ends before the first repetition.
 * Text that has left cannot be taken back, so a call is held while all of it equals the beginning of an earlier call;
 * it leaves with its first unit that differs.
 */
export interface RepeatHold {
  /** Takes a part of a call; returns the parts that may leave. */
  push(part: CallPart): readonly CallPart[];
  /**
   * True where a complete call equals an earlier one in name and arguments. It has not left, and no call may follow.
   */
  repeated(): boolean;
  /**
   * The end: returns the parts of an incomplete call, unless its arguments are complete and equal to those of an
   * earlier call.
   */
  flush(): readonly CallPart[];
}

interface Made {
  readonly name: string;
  readonly arguments: string;
}

export function createRepeatHold(): RepeatHold {
  const made: Made[] = [];
  let current: Made = { name: '', arguments: '' };
  /** The earlier calls that the held call may equal; undefined where none is held. */
  let candidates: readonly Made[] | undefined;
  let repeated = false;

  function isRepeat(): boolean {
    return candidates?.some((call) => call.arguments === current.arguments) === true;
  }

  function release(): readonly CallPart[] {
    if (candidates === undefined) return [];
    candidates = undefined;
    const call: CallPart = { type: 'call', name: current.name };
    return current.arguments === '' ? [call] : [call, { type: 'arguments', text: current.arguments }];
  }

  return {
    push(part) {
      switch (part.type) {
        case 'call': {
          current = { name: part.name, arguments: '' };
          const alike = made.filter(({ name }) => name === part.name);
          if (alike.length === 0) return [part];
          candidates = alike;
          return [];
        }
        case 'arguments': {
          const at = current.arguments.length;
          current = { ...current, arguments: current.arguments + part.text };
          if (candidates === undefined) return [part];
          // The parts before this one have already been compared.
          candidates = candidates.filter((call) => call.arguments.startsWith(part.text, at));
          return candidates.length > 0 ? [] : release();
        }
        case 'end':
          repeated = isRepeat();
          made.push(current);
          return repeated ? [] : [...release(), part];
      }
    },
    repeated: () => repeated,
    flush: () => (isRepeat() ? [] : release()),
  };
}
