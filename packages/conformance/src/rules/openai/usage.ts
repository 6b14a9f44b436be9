import { answerOf, askedFields, isCount, type JsonObject } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import type { Exchange, Recording } from '../../wire/exchange.ts';
import {
  asksToStream,
  excerpt,
  isObject,
  judgeEach,
  judgeEndedStreams,
  named,
  noStream,
  notApplicable,
  type Opinion,
  refusedFeature,
  streams,
  wholeAnswers,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const usage = { set: 'openai', group: 'usage' } as const;

function asksForUsage(exchange: Exchange): boolean {
  const options = askedFields(exchange)['stream_options'];
  return isObject(options) && options['include_usage'] === true;
}

/** The usage that a client ends with, and the event that had it. */
function usageOf(exchange: Exchange): { readonly usage: JsonObject; readonly event?: number } | undefined {
  if (asksToStream(exchange)) return viewOf(exchange).usages.at(-1);
  const given = answerOf(exchange)['usage'];
  return isObject(given) ? { usage: given } : undefined;
}

function answers(recording: Recording): readonly Exchange[] {
  return [...wholeAnswers(recording), ...streams(recording)];
}

const counted = ['plain', 'stream-with-usage', 'length', 'choices'] as const;

export const usageRules: readonly Rule[] = [
  {
    ...usage,
    id: 'usage-whole',
    severity: 'failure',
    expects: 'An answer without a stream has usage.',
    why: 'Meters (LangChain callbacks, LiteLLM, Langfuse) count nothing without it.',
    probes: ['plain', 'length'],
    judge: judgeEach(wholeAnswers, 'no request was answered without a stream', (exchange) =>
      usageOf(exchange) === undefined
        ? { seen: `usage is ${excerpt(answerOf(exchange)['usage'])}` }
        : undefined,
    ),
  },
  {
    ...usage,
    id: 'usage-streamed',
    severity: 'failure',
    expects: 'A stream with include_usage reports usage.',
    why: 'LangChain, the AI SDK and LiteLLM ask for it and count zero where it does not come.',
    probes: ['stream-with-usage', 'length', 'parallel'],
    judge: judgeEndedStreams((view, exchange) => {
      if (!asksForUsage(exchange)) return notApplicable('usage was not asked for');
      return view.usages.length > 0 ? undefined : { event: view.events.length, seen: 'no chunk has usage' };
    }),
  },
  {
    ...usage,
    id: 'usage-once',
    severity: 'warning',
    expects: 'Usage comes once in a stream.',
    why: 'LangChain for Python adds up the usage of all chunks: the counts are multiplied.',
    probes: ['stream-with-usage', 'length', 'parallel'],
    judge: judgeEndedStreams((view) => {
      if (view.usages.length === 0) return notApplicable('no stream has usage');
      return view.usages
        .slice(1)
        .map(({ event, usage: again }) => ({ event, seen: `usage again: ${excerpt(again)}` }));
    }),
  },
  {
    ...usage,
    id: 'usage-last',
    severity: 'warning',
    expects: 'The last chunk that mentions usage has the real one.',
    why: 'openai-python’s helper keeps the last value, null included.',
    probes: ['stream-with-usage', 'length', 'parallel'],
    judge: judgeEndedStreams((view) => {
      const real = view.usages.at(-1);
      if (real === undefined) return notApplicable('no stream has usage');
      const later = view.chunks.find(
        ({ number, json }) => number > real.event && json !== undefined && 'usage' in json,
      );
      return later === undefined
        ? undefined
        : { event: later.number, seen: `after the usage: ${excerpt(later.data)}` };
    }),
  },
  {
    ...usage,
    id: 'usage-sums',
    severity: 'failure',
    expects: 'prompt_tokens and completion_tokens are whole numbers, and total_tokens is their sum.',
    why: 'Bills are made of these numbers; typed clients fail to decode fractions and nulls.',
    probes: counted,
    judge: judgeEach(answers, noStream, (exchange) => {
      const found = usageOf(exchange);
      if (found === undefined) return notApplicable('no answer has usage');
      const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = found.usage;
      if (isCount(prompt) && isCount(completion) && total === prompt + completion) return undefined;
      return { ...eventOf(found), seen: excerpt(found.usage) };
    }),
  },
  {
    ...usage,
    id: 'usage-plausible',
    severity: 'failure',
    expects: 'Usage counts what was delivered: no zeros beside a text, and no more than max_tokens.',
    why: 'Budgets of gateways and teams are spent by these numbers.',
    probes: counted,
    judge: judgeEach(answers, noStream, plausible),
  },
  {
    ...usage,
    id: 'usage-choices',
    severity: 'failure',
    expects: 'With n: 2 usage counts the tokens of both choices.',
    why: 'A meter that reads it bills half of what was generated.',
    probes: ['choices'],
    judge: judgeEach(named('choices'), 'two choices were not asked for', (exchange) => {
      const refused = refusedFeature(exchange);
      if (refused !== undefined) return refused;
      const { choices, usages } = viewOf(exchange);
      const max = allowed(askedFields(exchange));
      const full = choices.filter(({ finishes }) => finishes.at(-1)?.reason === 'length');
      const found = usages.at(-1);
      if (found === undefined || full.length < 2 || full.length !== choices.length)
        return notApplicable('no stream has usage and two choices of a known length');
      // Some servers count the token that ends an answer, some do not: half of it is another thing.
      const completion = Number(found.usage['completion_tokens']);
      return completion > max
        ? undefined
        : {
            event: found.event,
            seen: `completion_tokens is ${completion} in the last of ${usages.length} usages, for two choices of ${max} tokens`,
          };
    }),
  },
];

/** The bound of one choice, by either of its names: to some models it is asked for by the newer one. */
function allowed(fields: JsonObject): number {
  return Number(fields['max_tokens'] ?? fields['max_completion_tokens']);
}

function eventOf({ event }: { readonly event?: number }): { readonly event?: number } {
  return event === undefined ? {} : { event };
}

function plausible(exchange: Exchange): Opinion {
  const found = usageOf(exchange);
  if (found === undefined) return notApplicable('no answer has usage');
  const fields = askedFields(exchange);
  const max = allowed(fields) * Number(fields['n'] ?? 1);
  const { prompt_tokens: prompt, completion_tokens: completion } = found.usage;
  const hasOutput = asksToStream(exchange)
    ? viewOf(exchange).choices.some(({ content, calls }) => content !== '' || calls.length > 0)
    : true;
  if (hasOutput && (prompt === 0 || completion === 0))
    return { ...eventOf(found), seen: excerpt(found.usage) };
  // Where the bound ended the answer, about as many were generated; half of it is another count.
  const full =
    asksToStream(exchange) &&
    viewOf(exchange).choices.every(({ finishes }) => finishes.at(-1)?.reason === 'length');
  if (hasOutput && full && typeof completion === 'number' && completion < max / 2)
    return {
      ...eventOf(found),
      seen: `completion_tokens is ${completion} where max_tokens ended the answer at ${max}`,
    };
  // One more for the token that ends an answer.
  const tooMany = typeof completion === 'number' && completion > max + Number(fields['n'] ?? 1);
  return tooMany
    ? { ...eventOf(found), seen: `completion_tokens is ${completion} where ${max} were allowed` }
    : undefined;
}
