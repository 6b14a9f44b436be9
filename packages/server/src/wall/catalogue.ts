import { parseDuration } from '../config/units.ts';
import { didYouMean } from '../domain/nearest.ts';
import type { Fault, FaultControls, FaultParameter } from './fault.ts';
import { answers } from './faults/answers.ts';
import { choices } from './faults/choices.ts';
import { cuts } from './faults/cuts.ts';
import { events } from './faults/events.ts';
import { finishes } from './faults/finishes.ts';
import { forms } from './faults/forms.ts';
import { framing } from './faults/framing.ts';
import { order } from './faults/order.ts';
import { output } from './faults/output.ts';
import { refusals } from './faults/refusals.ts';
import { timing } from './faults/timing.ts';
import { tools } from './faults/tools.ts';
import { usage } from './faults/usage.ts';

export interface FaultGroup {
  /** Such as `Cuts`. */
  readonly title: string;
  readonly faults: readonly Fault[];
}

export const faultGroups: readonly FaultGroup[] = [
  { title: 'Connections and clocks', faults: timing },
  { title: 'Refusals', faults: refusals },
  { title: 'Cuts', faults: cuts },
  { title: 'Events', faults: events },
  { title: 'Order', faults: order },
  { title: 'Finishes', faults: finishes },
  { title: 'Several choices', faults: choices },
  { title: 'Answers in a format', faults: answers },
  { title: 'Other output', faults: output },
  { title: 'Usage', faults: usage },
  { title: 'Framing', faults: framing },
  { title: 'Forms of an answer', faults: forms },
  { title: 'Tool calls', faults: tools },
];

/** All faults; each name occurs once. */
export const faults: readonly Fault[] = faultGroups.flatMap((group) => group.faults);

const byName: ReadonlyMap<string, Fault> = new Map(faults.map((fault) => [fault.name, fault]));

export const modelPrefix = 'wall/';

export type FaultArgument = Pick<FaultControls, 'count' | 'durationMs' | 'word'>;

export type FoundFault =
  | { readonly ok: true; readonly fault: Fault; readonly argument: FaultArgument }
  /** `known`: the fault exists and only its parameter is wrong. */
  | { readonly ok: false; readonly known: boolean; readonly message: string };

/** Reads `cut-fin`, `cut-fin:3` or `slow-first-token:2s`. */
export function findFault(text: string): FoundFault {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const fault = byName.get(name);
  if (fault === undefined) {
    return {
      ok: false,
      known: false,
      message: `There is no fault "${name.slice(0, maxShown)}"${didYouMean(name, byName.keys())}; GET /v1/models lists them.`,
    };
  }
  const argument = readArgument(fault.parameter, colon < 0 ? undefined : text.slice(colon + 1));
  return typeof argument === 'string'
    ? { ok: false, known: true, message: `${name}: ${argument}` }
    : { ok: true, fault, argument };
}

/** The fault's name with the default of its parameter, for lists. */
export function spelling({ name, parameter }: Fault): string {
  switch (parameter?.kind) {
    case undefined:
      return name;
    case 'count':
      return `${name}:${parameter.default}`;
    case 'duration':
      return `${name}:${parameter.default}`;
    case 'word':
      return `${name}:${parameter.words[0]}`;
  }
}

/** Characters of a caller's text that a message repeats. */
const maxShown = 80;
// Node's timers fire at once where they are set to more than 2^31 - 1 ms.
const maxDurationMs = 2 ** 31 - 1;

const none: FaultArgument = { count: 0, durationMs: 0, word: '' };

function readArgument(
  parameter: FaultParameter | undefined,
  given: string | undefined,
): FaultArgument | string {
  switch (parameter?.kind) {
    case undefined:
      return given === undefined ? none : 'takes no parameter';
    case 'count': {
      const text = given ?? String(parameter.default);
      const count = Number(text);
      if (/^\d{1,9}$/.test(text) && count <= parameter.max) return { ...none, count };
      return `${parameter.means}: expected 0 to ${parameter.max}, got '${text.slice(0, maxShown)}'`;
    }
    case 'duration': {
      const text = given ?? parameter.default;
      const durationMs = parseDuration(text);
      return durationMs === undefined || durationMs > maxDurationMs
        ? `${parameter.means}: expected a duration such as 250ms or 2s, 24 days at most, got '${text.slice(0, maxShown)}'`
        : { ...none, durationMs };
    }
    case 'word': {
      const word = given ?? parameter.words[0];
      return parameter.words.includes(word)
        ? { ...none, word }
        : `${parameter.means}: expected one of ${parameter.words.join(', ')}, got '${word.slice(0, maxShown)}'`;
    }
  }
}
