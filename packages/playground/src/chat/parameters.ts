import { isObject, parsed } from '../api/json.ts';

export const parameterNames = [
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'n',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'reasoning_effort',
  'verbosity',
  'tool_choice',
  'parallel_tool_calls',
  'user',
  'safety_identifier',
  'metadata',
  'prompt_cache_key',
  'service_tier',
  'store',
  'other_fields',
] as const;
export type ParameterName = (typeof parameterNames)[number];

/** What is typed into the fields. An empty field is not sent: then the model's own default holds. */
export type ParameterTexts = Readonly<Record<ParameterName, string>>;

export const noParameters = Object.fromEntries(
  parameterNames.map((name) => [name, '']),
) as unknown as ParameterTexts;

export interface ParameterField {
  readonly name: ParameterName;
  readonly kind: 'number' | 'text' | 'lines' | 'choice' | 'json';
  /** What an arrow key adds to a number. */
  readonly step?: number;
  /** The values of a choice. */
  readonly choices?: readonly string[];
  readonly hint: string;
  /** What an empty field means. */
  readonly unset: string;
}

const onOff = ['true', 'false'];

const fields: Readonly<Record<ParameterName, Omit<ParameterField, 'name'>>> = {
  temperature: {
    kind: 'number',
    step: 0.1,
    hint: '0 always takes the likeliest token; up to 2.',
    unset: 'model default',
  },
  top_p: {
    kind: 'number',
    step: 0.05,
    hint: 'Draws from the likeliest tokens that make up this share.',
    unset: 'model default',
  },
  max_tokens: {
    kind: 'number',
    step: 1,
    hint: 'The answer ends after so many tokens.',
    unset: 'what the context leaves',
  },
  stop: { kind: 'lines', hint: 'One text a line; the answer ends before it.', unset: 'none' },
  seed: {
    kind: 'number',
    step: 1,
    hint: 'The same seed and request give the same answer where the target can.',
    unset: 'random',
  },
  presence_penalty: {
    kind: 'number',
    step: 0.1,
    hint: 'Against tokens that have come at all; −2 to 2.',
    unset: 'model default',
  },
  frequency_penalty: {
    kind: 'number',
    step: 0.1,
    hint: 'Against tokens the more often they have come; −2 to 2.',
    unset: 'model default',
  },
  n: { kind: 'number', step: 1, hint: 'Answers at once; each becomes a branch of the chat.', unset: '1' },
  logit_bias: {
    kind: 'json',
    hint: 'Token ids with what is added to their logits: {"42": -100}.',
    unset: 'none',
  },
  logprobs: {
    kind: 'choice',
    choices: onOff,
    hint: 'Probabilities of the tokens; Wire shows them.',
    unset: 'false',
  },
  top_logprobs: {
    kind: 'number',
    step: 1,
    hint: 'Alternatives to each token, with logprobs: up to 20.',
    unset: '0',
  },
  reasoning_effort: {
    kind: 'choice',
    choices: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'],
    hint: 'How long a model that can think should think.',
    unset: 'model default',
  },
  verbosity: {
    kind: 'choice',
    choices: ['low', 'medium', 'high'],
    hint: 'How much a model should say, where it knows this.',
    unset: 'model default',
  },
  tool_choice: {
    kind: 'choice',
    choices: ['auto', 'none', 'required'],
    hint: 'Whether the model calls a function.',
    unset: 'auto',
  },
  parallel_tool_calls: {
    kind: 'choice',
    choices: onOff,
    hint: 'Several calls in one answer.',
    unset: 'true',
  },
  user: { kind: 'text', hint: 'Your own user; usage is recorded by it.', unset: 'none' },
  safety_identifier: { kind: 'text', hint: 'A hash of your user, for the provider.', unset: 'none' },
  metadata: { kind: 'json', hint: 'Texts by name: {"team": "a"}. Records keep them as tags.', unset: 'none' },
  prompt_cache_key: { kind: 'text', hint: 'Requests that share a beginning.', unset: 'none' },
  service_tier: {
    kind: 'choice',
    choices: ['auto', 'default', 'flex', 'priority'],
    hint: 'The class of service, where the provider has some.',
    unset: 'auto',
  },
  store: { kind: 'choice', choices: onOff, hint: 'Whether the provider keeps the answer.', unset: 'false' },
  other_fields: {
    kind: 'json',
    hint: 'An object whose members join the body, or replace what the page has put there.',
    unset: '{ "top_k": 40 }',
  },
};

export function parameterField(name: ParameterName): ParameterField {
  return { name, ...fields[name] };
}

/** The label of a field: the name in the request, where there is one. */
export function labelOf(name: ParameterName): string {
  return name === 'other_fields' ? 'Other fields' : name;
}

export interface ParameterGroup {
  readonly title: string;
  readonly names: readonly ParameterName[];
}

/** What most requests set. */
export const commonParameters: readonly ParameterName[] = [
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'seed',
];

/** What few do: folded. */
export const rareParameters: readonly ParameterGroup[] = [
  { title: 'Penalties and bias', names: ['presence_penalty', 'frequency_penalty', 'logit_bias'] },
  { title: 'Choices and probabilities', names: ['n', 'logprobs', 'top_logprobs'] },
  { title: 'Thinking and length', names: ['reasoning_effort', 'verbosity'] },
  {
    title: 'User, records and provider',
    names: ['user', 'safety_identifier', 'metadata', 'prompt_cache_key', 'service_tier', 'store'],
  },
  { title: 'Other fields', names: ['other_fields'] },
];

/** These stand beside the tools. */
export const toolParameters: readonly ParameterName[] = ['tool_choice', 'parallel_tool_calls'];

/**
 * The values for the request. A number out of range goes to the server, which says what is wrong with it; what is no number cannot be
 * sent as one, and goes as text for the same reason.
 */
export function parameterValues(texts: ParameterTexts): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const name of parameterNames) {
    const text = texts[name];
    if (text.trim() !== '' && name !== 'other_fields')
      values[name] = parameterValue(parameterField(name), text);
  }
  const others = parsed(texts.other_fields);
  return isObject(others) && !Array.isArray(others) ? { ...values, ...others } : values;
}

/** How `tool_choice` names one function: no function can have this name. */
const namedFunction = 'function: ';

export function choiceOfFunction(name: string): string {
  return namedFunction + name;
}

function parameterValue({ name, kind, choices }: ParameterField, text: string): unknown {
  if (kind === 'lines') return text.split('\n').filter((line) => line !== '');
  if (kind === 'number') return Number.isNaN(Number(text)) ? text : Number(text);
  if (kind === 'json') return parsed(text);
  if (name === 'tool_choice' && text.startsWith(namedFunction))
    return { type: 'function', function: { name: text.slice(namedFunction.length) } };
  return choices === onOff ? text === 'true' : text;
}
