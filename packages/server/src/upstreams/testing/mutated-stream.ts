import fc from 'fast-check';
import { type AnswerOutput, type ChoiceOutput, emptyChoice } from './answer-output.ts';
import { createDice } from './dice.ts';
import { type Frame, isJson, type Json, type MutableStream, type Mutation } from './mutable-stream.ts';
import { mutations } from './mutations/all-mutations.ts';
import { damageMutations } from './mutations/damage-mutations.ts';
import { isKnownWhole } from './mutations/form-mutations.ts';
import { readStream } from './read-stream.ts';
import { bytesOf, readsOf } from './stream-bytes.ts';
import { type WrittenAnswer, writeStream } from './written-answer.ts';

/** A good stream and what is done to it. */
export interface MutatedCase {
  /** The path of a fixture, or an answer that is written. */
  readonly base: string | WrittenAnswer;
  readonly changes: readonly Change[];
  /** Draws what mutations leave open: places of reads, spellings of each line. */
  readonly seed: number;
}

export interface Change {
  readonly mutation: string;
  readonly seed: number;
}

const byName = new Map(mutations.map((mutation, order) => [mutation.name, { mutation, order }]));

const seeds = fc.noShrink(fc.nat(0x7fff_ffff));

/** Cases with one to `most` of those mutations. */
export function anyCase(
  base: fc.Arbitrary<string | WrittenAnswer>,
  names: readonly string[],
  most: number,
): fc.Arbitrary<MutatedCase> {
  const change = fc.record({ mutation: fc.constantFrom(...names), seed: seeds });
  return fc.record({
    base,
    changes: fc.uniqueArray(change, { minLength: 1, maxLength: most, selector: ({ mutation }) => mutation }),
    seed: seeds,
  });
}

/** What came of a case. */
export interface Verdict {
  /** The mutations that found a place, in the order in which they were applied. */
  readonly applied: readonly string[];
  /** What is wrong with the answer; undefined where it is in order. */
  readonly wrong: string | undefined;
  /** The body, as it was sent. */
  readonly body: Buffer;
}

/** Applies the mutations, reads the stream with its adapter, and judges what came out. */
export async function judge(
  { base, changes, seed }: MutatedCase,
  recorded: ReadonlyMap<string, MutableStream>,
): Promise<Verdict> {
  const good = typeof base === 'string' ? recorded.get(base) : writeStream(base);
  if (good === undefined) throw new Error(`there is no fixture ${String(base)}`);
  const stream = copyOf(good);
  const ordered = changes
    .flatMap((change) => ({ ...change, ...found(change.mutation) }))
    .toSorted((one, other) => one.order - other.order);
  const applied: Mutation[] = [];
  for (const { mutation, seed: own } of ordered) {
    if (!mutation.dialects.includes(stream.dialect)) continue;
    // Two damages may undo the traces of each other.
    if (damageMutations.includes(mutation) && applied.some((one) => damageMutations.includes(one))) continue;
    const tried = copyOf(stream);
    if (!mutation.apply(tried, createDice(own))) continue;
    Object.assign(stream, tried);
    applied.push(mutation);
  }
  const names = applied.map(({ name }) => name);
  if (names.length === 0 && changes.length > 0)
    return { applied: [], wrong: undefined, body: Buffer.alloc(0) };
  const dice = createDice(seed);
  const bytes = bytesOf(stream, dice);
  const body = stream.damage === undefined ? bytes : stream.damage(bytes, dice);
  // No reader can notice this damage.
  if (body === undefined) return { applied: [], wrong: undefined, body: bytes };
  const { choices, status, contentType, end, dialect } = stream;
  const reads = readsOf(body, stream.reads, dice);
  const { output } = await readStream(dialect, choices, reads, { status, contentType, end });
  const heals = applied.every((mutation) => mutation.heals) && !stream.mayFail && isKnownWhole(stream);
  return { applied: names, wrong: wrongWith(output, stream, heals), body };
}

function found(name: string): { readonly mutation: Mutation; readonly order: number } {
  const one = byName.get(name);
  if (one === undefined) throw new Error(`there is no mutation ${name}`);
  return one;
}

function copyOf(stream: MutableStream): MutableStream {
  const { frames, expected, framing, ...fields } = stream;
  return {
    ...fields,
    frames: frames.map(copyOfFrame),
    expected: structuredClone(expected),
    framing: { ...framing },
  };
}

function copyOfFrame(frame: Frame): Frame {
  return isJson(frame.data)
    ? { ...frame, data: JSON.parse(JSON.stringify(frame.data)) as Json }
    : { ...frame };
}

/**
 * A stream that must heal is equal to the untouched one. Any other is equal too, or ends in an error; after damage its counts
 * and its reason may be lost. What comes before an error must be a beginning of the true text.
 */
function wrongWith(output: AnswerOutput, stream: MutableStream, heals: boolean): string | undefined {
  const { expected } = stream;
  if (output.problem !== undefined) return `the events break their grammar: ${output.problem}`;
  if (output.failed !== undefined) {
    if (heals) return `it ends in ${output.failed}`;
    // A list that is no JSON is read line by line, and only its end shows that an event is missing. Lost bytes may hold whole
    // events besides the torn one.
    if (stream.form !== 'stream' || stream.damage !== undefined) return undefined;
    return output.choices.flatMap((choice, at) => notBeginning(choice, expected.choices[at]) ?? [])[0];
  }
  for (const [at, want] of expected.choices.entries()) {
    const got = output.choices[at] ?? emptyChoice();
    const fields = ['text', 'reasoning', 'refusal', 'calls', 'other', ...(heals ? ['finish'] : [])] as const;
    for (const field of fields as readonly (keyof ChoiceOutput)[]) {
      const [one, other] = [textOfField(got, field), textOfField(want, field)];
      if (one !== other) return `${field} of choice ${at} is ${one}, not ${other}`;
    }
  }
  return heals ? wrongCounts(output, stream) : undefined;
}

/** The fields of one delta have no order among them, so other output is compared field by field. */
function textOfField(choice: ChoiceOutput, field: keyof ChoiceOutput): string {
  if (field !== 'other') return JSON.stringify(choice[field]);
  return JSON.stringify(choice.other.toSorted((one, other) => (one.field < other.field ? -1 : 1)));
}

function wrongCounts({ usage }: AnswerOutput, { expected }: MutableStream): string | undefined {
  const { usage: want, mayBeMarked } = expected;
  if (want === undefined) {
    // A count of 0 was not reported: the guard of the relay estimates it.
    const isKnown = usage !== undefined && usage.estimated !== true && usage.completionTokens > 0;
    return isKnown ? `impossible counts are reported: ${JSON.stringify(usage)}` : undefined;
  }
  const { estimated, ...counts } = usage ?? {};
  const isMarked = estimated === true && !mayBeMarked;
  const same = JSON.stringify(sorted(counts)) === JSON.stringify(sorted(want));
  return same && !isMarked ? undefined : `counts are ${JSON.stringify(usage)}, not ${JSON.stringify(want)}`;
}

function sorted(value: object): unknown {
  return Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
}

function notBeginning(got: ChoiceOutput, want = emptyChoice()): string | undefined {
  for (const field of ['text', 'reasoning'] as const) {
    // The half of a pair that was held becomes U+FFFD.
    if (!want[field].startsWith(got[field].replace(/\ufffd+$/, ''))) {
      return `${field} before the error is ${JSON.stringify(got[field])}, which does not begin ${JSON.stringify(want[field])}`;
    }
  }
  return undefined;
}
