import type { CallPart } from './call-reader.ts';

/**
 * Small models under a grammar go round in a circle: the same call, word for word, as often as they may. The answer
 * ends before the first repeat. What was said is never taken back, so a call is held for as long as all of it is the
 * beginning of one that was made, and leaves with its first unit that is not.
 */
export interface RepeatHold {
  /** Takes a part of a call; returns what may leave now. */
  push(part: CallPart): readonly CallPart[];
  /** A call came to its end that was made before, name and arguments: it has not left, and no other may follow. */
  repeated(): boolean;
  /** The end: a call that was cut leaves as far as it came, unless its arguments are all those of one that was made. */
  flush(): readonly CallPart[];
}

interface Made {
  readonly name: string;
  readonly arguments: string;
}

export function createRepeatHold(): RepeatHold {
  const made: Made[] = [];
  let current: Made = { name: '', arguments: '' };
  /** Calls that the held one may become; undefined where none is held. */
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
          // What came before this part was compared then.
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
