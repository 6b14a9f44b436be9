import type { Dice } from '../dice.ts';
import { dialects, type Frame, type Json, type MutableStream, type Mutation } from '../mutable-stream.ts';
import {
  endsOpen,
  eventWith,
  finishesEarly,
  finishOf,
  hasEndMark,
  type Part,
  partsOf,
  partsOfChoice,
  setFinish,
} from './stream-parts.ts';

/** Finishes that are none, and finishes under other names (contract, section 7). */
export const finishMutations: readonly Mutation[] = [
  {
    name: 'finish beside earlier output',
    dialects: ['openai', 'gemini'],
    heals: true,
    apply(stream, dice) {
      const parts = partsOf(stream);
      const early = parts.filter((part) => isBeforeFinish(stream, part, parts) && !isWhole(stream));
      if (early.length === 0) return false;
      const kept = dice.pick<(part: Part) => boolean>([
        () => true,
        (part) => !part.hasOutput,
        (part) => part.hasOutput,
        (part) => part === early[0],
        () => dice.chance(0.3),
      ]);
      for (const part of early.filter(kept)) setFinish(stream, part, earlyReason(stream, part, parts, dice));
      return true;
    },
  },
  {
    name: 'finish on events without output',
    dialects,
    heals: true,
    apply(stream, dice) {
      const parts = partsOf(stream);
      const early = parts.filter((part) => isBeforeFinish(stream, part, parts));
      if (isWhole(stream) || early.length === 0) return false;
      for (let count = 1 + dice.below(3); count > 0; count -= 1) {
        const like = dice.pick(early);
        const place = Math.max(stream.frames.indexOf(like.frame), firstPlace(stream));
        stream.frames.splice(place, 0, finishEvent(stream, like, earlyReason(stream, like, parts, dice)));
      }
      return true;
    },
  },
  {
    name: 'finish in the first event of a message',
    dialects: ['anthropic'],
    heals: true,
    apply(stream, dice) {
      const first = partsOf(stream).find(({ json }) => json['type'] === 'message_start');
      if (first === undefined) return false;
      setFinish(stream, first, dice.pick(['end_turn', 'max_tokens', 'null', '']));
      return true;
    },
  },
  {
    name: 'finish once more',
    dialects,
    heals: true,
    apply(stream, dice) {
      const finishes = partsOf(stream).filter((part) => finishOf(stream, part) !== undefined);
      if (isWhole(stream) || finishes.length === 0) return false;
      const last = dice.pick(finishes);
      const again = finishEvent(stream, last, finishOf(stream, last));
      stream.frames.splice(stream.frames.indexOf(last.frame) + 1, 0, again);
      return true;
    },
  },
  {
    name: 'finish beside the last output',
    dialects: ['openai', 'gemini'],
    heals: true,
    apply(stream) {
      return moveFinishes(stream, (words) => words.at(-1));
    },
  },
  {
    name: 'finish before the last output only',
    dialects: ['openai', 'gemini'],
    // Without an end mark no reader can know that the answer is whole.
    heals: true,
    apply(stream, dice) {
      // The reason of an early one would become the last.
      if (finishesEarly(stream)) return false;
      const moved = moveFinishes(stream, (words) =>
        words.length < 2 ? undefined : dice.pick(words.slice(0, -1)),
      );
      if (moved && endsOpen(stream) && !hasEndMark(stream)) stream.mayFail = true;
      return moved;
    },
  },
  {
    name: 'no finish spelled in words',
    dialects,
    heals: true,
    apply(stream, dice) {
      const words = dice.pick([['null'], [''], [null], ['null', '', null, undefined]]);
      const own = stream.dialect === 'gemini' ? [...words, 'FINISH_REASON_UNSPECIFIED'] : words;
      const open = partsOf(stream).filter((part) => finishOf(stream, part) === undefined);
      if (stream.dialect !== 'anthropic') {
        for (const part of open) setFinish(stream, part, dice.pick(own));
        return open.length > 0;
      }
      const like = open.at(-1);
      if (like === undefined || isWhole(stream)) return false;
      const place = firstPlace(stream) + dice.below(stream.frames.length - firstPlace(stream));
      stream.frames.splice(place, 0, finishEvent(stream, like, dice.pick(own)));
      return true;
    },
  },
  {
    name: 'finish under a foreign name',
    dialects,
    heals: true,
    apply(stream, dice) {
      let found = false;
      for (const part of partsOf(stream)) {
        const names = foreignNames[finishOf(stream, part) ?? ''];
        if (names === undefined || dice.chance(0.2)) continue;
        setFinish(stream, part, dice.pick(names));
        found = true;
      }
      return found;
    },
  },
];

const stopNames = ['stop', 'eos', 'end_turn', 'stop_sequence', 'STOP'];
const lengthNames = ['length', 'model_length', 'max_tokens', 'MAX_TOKENS', 'model_context_window_exceeded'];
const filterNames = ['content_filter', 'sensitive', 'SAFETY', 'refusal'];
const callNames = ['tool_calls', 'tool_use', 'function_call'];

/** The names that mean the same as each name (contract, section 7). */
const foreignNames: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  [stopNames, lengthNames, filterNames, callNames].flatMap((names) => names.map((name) => [name, names])),
);

/** Whether the answer is one JSON text, in which there is no earlier and later. */
function isWhole({ form }: MutableStream): boolean {
  return form === 'json';
}

/** The first place for an event besides the first one of a message. */
function firstPlace({ dialect }: MutableStream): number {
  return dialect === 'anthropic' ? 1 : 0;
}

function isBeforeFinish(stream: MutableStream, part: Part, parts: readonly Part[]): boolean {
  const own = partsOfChoice(stream, parts, part.choice);
  const last = own.findLastIndex((one) => finishOf(stream, one) !== undefined);
  return own.indexOf(part) < last && finishOf(stream, part) === undefined;
}

/** The reason of a finish that is none: the one of the true finish, or `stop`. */
function earlyReason(stream: MutableStream, part: Part, parts: readonly Part[], dice: Dice): string {
  const last = parts.findLast(
    (one) => (stream.choices === 1 || one.choice === part.choice) && finishOf(stream, one) !== undefined,
  );
  const stop = { openai: 'stop', anthropic: 'end_turn', gemini: 'STOP' }[stream.dialect];
  return (last === undefined || dice.chance(0.4) ? undefined : finishOf(stream, last)) ?? stop;
}

function finishEvent(stream: MutableStream, like: Part, reason: unknown): Frame {
  if (stream.dialect === 'anthropic') {
    const data = { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null } };
    return like.frame.name === undefined ? { data } : { name: 'message_delta', data };
  }
  if (stream.dialect === 'gemini') return eventWith(stream, like, { finishReason: reason });
  return eventWith(stream, like, { delta: {}, finish_reason: reason });
}

/** Moves the finish of each choice to one of its parts with output. Returns false where none was moved. */
function moveFinishes(stream: MutableStream, place: (words: readonly Part[]) => Part | undefined): boolean {
  let moved = false;
  const parts = partsOf(stream);
  for (const choice of stream.expected.choices.keys()) {
    const own = partsOfChoice(stream, parts, choice);
    const last = own.findLast((part) => finishOf(stream, part) !== undefined);
    const to = place(own.filter((part) => part.hasOutput));
    if (last === undefined || to === undefined || last === to) continue;
    setFinish(stream, to, finishOf(stream, last));
    clearFinish(stream, last.holder);
    moved = true;
  }
  return moved;
}

function clearFinish({ dialect }: MutableStream, holder: Json): void {
  if (dialect === 'openai') holder['finish_reason'] = null;
  else delete holder['finishReason'];
}
