import type { Answer, Fields } from '../completion.ts';

/**
 * One row of the table of parameters: a value given to one field, and what the contract (section 2) makes of it.
 * Written from the contract, not from the decoder.
 */
export interface Row {
  readonly field: string;
  readonly kind: Kind;
  readonly given: string;
  /** Merged over {@link plain}; `undefined` leaves a field out. */
  readonly fields: Fields;
  readonly refused?: { readonly code: string; readonly param: string };
  /** The visible effect of a value that is honoured. */
  readonly effect?: Effect;
}

export const kinds = ['valid', 'boundary', 'out of range', 'wrong type', 'null'] as const;
export type Kind = (typeof kinds)[number];

/** Asks again, streaming as the row's own answer did. */
export type Ask = (fields: Fields) => Promise<Answer>;
export type Effect = (answer: Answer, ask: Ask, fields: Fields) => Promise<void> | void;

/** The request that rows change: its answer is short and repeats. */
export const plain: Fields = {
  model: 'random',
  messages: [{ role: 'user', content: 'Say something.' }],
  max_tokens: 12,
  seed: 1,
};

export function accepted(field: string, kind: Kind, given: string, fields: Fields, effect?: Effect): Row {
  return { field, kind, given, fields, ...(effect === undefined ? {} : { effect }) };
}

/** `param` is the field itself unless another one is given. */
export function refused(
  field: string,
  kind: Kind,
  given: string,
  fields: Fields,
  code: string,
  param = field,
): Row {
  return { field, kind, given, fields, refused: { code, param } };
}

/** One row a value; each is named by its JSON. */
export function refusedValues(
  field: string,
  kind: 'out of range' | 'wrong type',
  values: readonly unknown[],
  beside: Fields = {},
): Row[] {
  const code = kind === 'wrong type' ? 'invalid_type' : 'invalid_value';
  return values.map((value) =>
    refused(field, kind, JSON.stringify(value).slice(0, 40), { ...beside, [field]: value }, code),
  );
}

/** `null` means absent. */
export function asAbsent(field: string, beside: Fields = {}): Row {
  return accepted(field, 'null', 'null', { ...beside, [field]: null }, async (answer, ask) => {
    const without = await ask({ ...beside, [field]: undefined });
    sameAnswer(without, answer);
  });
}

/** Throws where two answers differ in what a client reads, ids and cached tokens aside. */
export function sameAnswer(one: Answer, other: Answer): void {
  const left = JSON.stringify(essence(one));
  const right = JSON.stringify(essence(other));
  if (left !== right) throw new Error(`two answers that should be the same differ:\n${left}\n${right}`);
}

function essence({ choices, usage }: Answer): unknown {
  return [
    usage.prompt_tokens,
    usage.completion_tokens,
    choices.map(({ text, finish, calls, logprobs }) => [
      text,
      finish,
      calls.map((call) => [call.name, call.arguments]),
      // Log probabilities differ in their last digits by how the prompt was computed: only texts are compared.
      logprobs?.map(({ token }) => token) ?? null,
    ]),
  ];
}

/** The random model's vocabulary: three control tokens, then the bytes in their order. */
export const tokenOf = (character: string): string => String(3 + character.charCodeAt(0));

/** Biases that allow only these letters, each about as likely as in the model. */
export function onlyLetters(letters: string): Readonly<Record<string, number>> {
  return Object.fromEntries([...letters].map((letter) => [tokenOf(letter), 100]));
}

/** Biases that let no answer end by itself. */
export const endless = { 0: -100, 1: -100, 2: -100 } as const;

/** Biases towards closing texts and lists, which make JSON of random weights short. */
export const brief = { [tokenOf('"')]: 8, [tokenOf('}')]: 8, [tokenOf(']')]: 8 } as const;
