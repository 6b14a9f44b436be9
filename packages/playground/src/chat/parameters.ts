export const parameterNames = ['temperature', 'top_p', 'max_tokens', 'seed', 'stop'] as const;
export type ParameterName = (typeof parameterNames)[number];

/** What is typed into the fields. An empty field is not sent: then the model's own default holds. */
export type ParameterTexts = Readonly<Record<ParameterName, string>>;

export const noParameters: ParameterTexts = {
  temperature: '',
  top_p: '',
  max_tokens: '',
  seed: '',
  stop: '',
};

export interface ParameterField {
  readonly name: ParameterName;
  readonly step?: number;
  readonly hint: string;
  /** What an empty field means. */
  readonly unset: string;
}

export const parameterFields: readonly ParameterField[] = [
  {
    name: 'temperature',
    step: 0.1,
    hint: '0 always takes the likeliest token; up to 2.',
    unset: 'model default',
  },
  {
    name: 'top_p',
    step: 0.05,
    hint: 'Draws from the likeliest tokens that make up this share.',
    unset: 'model default',
  },
  {
    name: 'max_tokens',
    step: 1,
    hint: 'The answer ends after so many tokens.',
    unset: 'what the context leaves',
  },
  {
    name: 'seed',
    step: 1,
    hint: 'The same seed and request give the same answer where the target can.',
    unset: 'random',
  },
  { name: 'stop', hint: 'One text a line; the answer ends before it.', unset: 'none' },
];

/**
 * The values for the request. A number out of range goes to the server, which says what is wrong with it; what is no number cannot be
 * sent as one, and goes as text for the same reason.
 */
export function parameterValues(texts: ParameterTexts): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const name of parameterNames) {
    const text = texts[name];
    if (text.trim() === '') continue;
    if (name === 'stop') values[name] = text.split('\n').filter((line) => line !== '');
    else values[name] = Number.isNaN(Number(text)) ? text : Number(text);
  }
  return values;
}

/** The field that the `param` of a failure names: `stop[1]` is that of `stop`. */
export function fieldOf(param: string | undefined): ParameterName | undefined {
  const name = param?.split(/[.[]/, 1)[0];
  // Tokens have two names in the API.
  if (name === 'max_completion_tokens') return 'max_tokens';
  return parameterNames.find((one) => one === name);
}
