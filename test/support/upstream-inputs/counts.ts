import type { RightUsage, UpstreamInput } from './input.ts';
import {
  completion,
  done,
  event,
  finish,
  type Json,
  openaiInputs,
  role,
  text,
  usage,
  usageCounts,
} from './openai-wire.ts';

/** Counts that cannot be true, that lie elsewhere, or that leave the thoughts out. */

const { raw, json } = openaiInputs('impossible count');
const hello = { text: 'Hello world' };
const answer = [role(), text('Hello'), text(' world')];
const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
const elsewhere = 'the count stands where OpenAI has it';
const impossible = 'the SDK shows counts that cannot be';

const counts = (
  name: string,
  events: readonly string[],
  right: RightUsage | 'estimated' | undefined,
  rest: Partial<UpstreamInput> = {},
): UpstreamInput =>
  raw(name, [...events, done], { right: { ...hello, ...(right && { usage: right }) }, ...rest });

const inJson = (
  name: string,
  given: unknown,
  right: RightUsage | 'estimated',
  differs?: string,
): UpstreamInput =>
  json(name, completion({ content: 'Hello world' }, {}, { usage: given }), {
    right: { ...hello, usage: right },
    ...(differs === undefined ? {} : { differs: { usage: differs } }),
  });

const xai: Json = {
  prompt_tokens: 32,
  completion_tokens: 9,
  total_tokens: 135,
  completion_tokens_details: { reasoning_tokens: 94 },
};
const thoughtsOnly: Json = {
  prompt_tokens: 21,
  completion_tokens: 0,
  total_tokens: 81,
  completion_tokens_details: { reasoning_tokens: 60 },
};
const thoughtsBeside = 'the completion of this vendor leaves out the thoughts';

export const countInputs: readonly UpstreamInput[] = [
  counts('counts-zero-on-the-finish', [...answer, withUsage(finish(), zeros), usage()], undefined),
  counts('counts-zero-only', [...answer, finish(), usage(zeros)], 'estimated'),
  counts('counts-zero-behind', [...answer, withUsage(finish(), usageCounts), usage(zeros)], undefined),
  counts(
    'counts-of-thoughts-beside',
    [...answer, finish(), usage(xai)],
    { prompt: 32, completion: 103, reasoning: 94 },
    {
      preset: 'xai',
      differs: { usage: thoughtsBeside },
    },
  ),
  counts(
    'counts-of-thoughts-beside-without-preset',
    [...answer, finish(), usage(xai)],
    { prompt: 32, completion: 103, reasoning: 94 },
    {
      differs: { usage: thoughtsBeside },
    },
  ),
  counts('counts-of-thoughts-only', [...answer, finish(), usage(thoughtsOnly)], {
    prompt: 21,
    completion: 60,
    reasoning: 60,
  }),
  counts('counts-in-the-choice', [...answer, finish('stop', { usage: usageCounts })], undefined),
  counts(
    'cached-at-the-top',
    [...answer, finish(), usage({ ...usageCounts, cached_tokens: 4 })],
    { prompt: 7, completion: 3, cached: 4 },
    { differs: { usage: elsewhere } },
  ),
  counts(
    'cached-at-the-top-in-the-choice',
    [...answer, finish('stop', { usage: { ...usageCounts, cached_tokens: 4 } })],
    { prompt: 7, completion: 3, cached: 4 },
  ),
  counts(
    'counts-zero-on-every-chunk',
    [...['Hello', ' world'].map((content) => withUsage(text(content), zeros)), finish(), usage()],
    undefined,
  ),
  counts('counts-zero-prompt', [...answer, finish(), usage({ ...usageCounts, prompt_tokens: 0 })], {
    completion: 3,
  }),
  counts('counts-zero-completion', [...answer, finish(), usage({ ...usageCounts, completion_tokens: 0 })], {
    prompt: 7,
  }),
  counts('counts-absent', [...answer, finish()], 'estimated'),
  counts('counts-null', [...answer, finish(), usage(null)], 'estimated'),
  counts(
    'counts-negative',
    [...answer, finish(), usage({ prompt_tokens: -1, completion_tokens: -1, total_tokens: -2 })],
    'estimated',
    {
      differs: { usage: impossible },
    },
  ),
  counts(
    'counts-on-every-chunk',
    [
      withUsage(text('Hello'), { prompt_tokens: 7, completion_tokens: 1, total_tokens: 8 }),
      withUsage(text(' world'), { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 }),
      finish(),
      usage(),
    ],
    undefined,
  ),
  counts(
    'counts-in-a-usual-place',
    [
      ...answer,
      finish(),
      usage({
        ...usageCounts,
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 1 },
      }),
    ],
    { prompt: 7, completion: 3, cached: 2, reasoning: 1 },
  ),
  counts(
    'counts-as-text',
    [...answer, finish(), usage({ prompt_tokens: '7', completion_tokens: '3', total_tokens: '10' })],
    'estimated',
  ),
  counts('counts-only-total', [...answer, finish(), usage({ total_tokens: 10 })], 'estimated', {
    differs: { usage: impossible },
  }),
  counts('counts-as-list', [...answer, finish(), usage([])], 'estimated'),
  counts(
    'counts-without-choices',
    [
      ...answer,
      finish(),
      event({
        id: 'x',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'm',
        choices: null,
        usage: usageCounts,
      }),
    ],
    undefined,
  ),
  inJson('counts-zero-in-json', zeros, 'estimated'),
  inJson(
    'counts-of-thoughts-beside-in-json',
    xai,
    { prompt: 32, completion: 103, reasoning: 94 },
    thoughtsBeside,
  ),
  inJson('counts-of-thoughts-only-in-json', thoughtsOnly, { prompt: 21, completion: 60, reasoning: 60 }),
  inJson(
    'cached-at-the-top-in-json',
    { ...usageCounts, cached_tokens: 4 },
    { prompt: 7, completion: 3, cached: 4 },
    elsewhere,
  ),
  inJson('counts-absent-in-json', undefined, 'estimated'),
];

/** An event with counts beside its choices. */
function withUsage(framed: string, counted: unknown): string {
  return framed.replace(/\}\n\n$/, `,"usage":${JSON.stringify(counted)}}\n\n`);
}
