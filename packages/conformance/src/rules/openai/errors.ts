import { answerOf, bodyJson, bodyText } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import { type Exchange, headerOf } from '../../wire/exchange.ts';
import {
  contentType,
  excerpt,
  isObject,
  judgeEach,
  judgeStreams,
  mistakeProbes,
  mistakes,
  named,
  notApplicable,
  overLimit,
  refusals,
  statusOf,
  streamProbes,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const errors = { set: 'openai', group: 'errors' } as const;
const notAsked = 'no request with a mistake was sent';
const noRefusal = 'no request was refused';

/** What the mistake of a request was, for a report. */
function answered(exchange: Exchange): string {
  return `${statusOf(exchange)}: ${excerpt(bodyJson(exchange) ?? bodyText(exchange).slice(0, 200))}`;
}

export const errorRules: readonly Rule[] = [
  {
    ...errors,
    id: 'mistake-refused',
    severity: 'warning',
    expects: 'A request with a mistake is refused: bad JSON, a wrong type, an unknown role, no messages.',
    why: 'A typing error in a parameter goes unnoticed: the program runs with another value than its author thinks.',
    probes: mistakeProbes,
    judge: judgeEach(
      named(...mistakes.filter((name) => !name.startsWith('bad-model'))),
      notAsked,
      (exchange) => {
        if (exchange.response === undefined) return notApplicable('there was no answer');
        const limited = overLimit(exchange);
        if (limited !== undefined) return limited;
        return exchange.response.status === 200 && viewOf(exchange).errors.length === 0
          ? { seen: `${exchange.request.body?.slice(0, 120)} was answered with status 200` }
          : undefined;
      },
    ),
  },
  {
    ...errors,
    id: 'mistake-status',
    severity: 'failure',
    expects: 'A mistake of the caller is a status 4xx, never 5xx, and never a cut connection.',
    why: 'openai-python and openai-node retry every status from 500 on, twice: each mistake costs three requests and its message is lost.',
    probes: mistakeProbes,
    judge: judgeEach(named(...mistakes), notAsked, (exchange) => {
      const status = exchange.response?.status ?? 0;
      return status === 0 || status >= 500 ? { seen: answered(exchange) } : undefined;
    }),
  },
  {
    ...errors,
    id: 'unknown-model',
    severity: 'warning',
    expects: 'A model that there is not is refused with status 404 (or 400).',
    why: 'With a wrong name another model answers, and is paid for; LiteLLM’s and LangChain’s fallbacks never start.',
    probes: ['bad-model'],
    judge: judgeEach(named('bad-model/whole', 'bad-model/stream'), 'it was not asked for', (exchange) => {
      const status = exchange.response?.status ?? 0;
      if (status === 404 || status === 400) return undefined;
      return overLimit(exchange) ?? { seen: answered(exchange) };
    }),
  },
  {
    ...errors,
    id: 'error-before-stream',
    severity: 'failure',
    expects: 'What is wrong before the first token is an HTTP status, also where a stream was asked for.',
    why: 'After status 200 no client retries or falls back; openai-python raises a bare APIError instead of NotFoundError.',
    probes: ['bad-model', 'bad-type'],
    judge: judgeEach(named('bad-model/stream', 'bad-type/stream'), notAsked, (exchange) => {
      if (exchange.response?.status !== 200) return undefined;
      const [error] = viewOf(exchange).errors;
      return error === undefined
        ? notApplicable('the request with a mistake was answered')
        : { event: error.number, seen: `status 200, then ${excerpt(error.data)}` };
    }),
  },
  {
    ...errors,
    id: 'error-envelope',
    severity: 'failure',
    expects: 'A refusal has the body {"error": {"message": "…"}}.',
    why: 'openai-python and openai-node take the message from there; else the user sees only the status.',
    probes: mistakeProbes,
    judge: judgeEach(refusals, noRefusal, (exchange) => {
      const { error } = answerOf(exchange);
      return isObject(error) && typeof error['message'] === 'string' && error['message'] !== ''
        ? undefined
        : { seen: answered(exchange) };
    }),
  },
  {
    ...errors,
    id: 'error-fields',
    severity: 'warning',
    expects: 'The error has type, param and code.',
    why: 'openai-python’s `error.code` and `error.param` are what programs decide by.',
    probes: mistakeProbes,
    judge: judgeEach(refusals, noRefusal, (exchange) => {
      const { error } = answerOf(exchange);
      if (!isObject(error)) return notApplicable('no refusal has the envelope');
      const missing = ['type', 'param', 'code'].filter((name) => !(name in error));
      return missing.length === 0 ? undefined : { seen: `no ${missing.join(', ')}: ${excerpt(error)}` };
    }),
  },
  {
    ...errors,
    id: 'error-content-type',
    severity: 'warning',
    expects: 'A refusal has the content type application/json.',
    why: 'The AI SDK and most HTTP clients parse by it.',
    probes: mistakeProbes,
    judge: judgeEach(refusals, noRefusal, (exchange) =>
      /\bjson\b/i.test(contentType(exchange))
        ? undefined
        : { seen: `content-type: ${contentType(exchange) || '(none)'}` },
    ),
  },
  {
    ...errors,
    id: 'bad-key',
    severity: 'failure',
    expects: 'A wrong key is refused with status 401.',
    why: 'openai-python’s AuthenticationError and every “check your key” dialog depend on it.',
    probes: ['bad-key'],
    judge: judgeEach(named('bad-key'), 'it was not asked for', (exchange) => {
      const status = exchange.response?.status ?? 0;
      if (status === 200) return notApplicable('the endpoint asks for no key');
      if (status === 401) return undefined;
      return overLimit(exchange) ?? { seen: answered(exchange) };
    }),
  },
  {
    ...errors,
    id: 'unknown-url',
    severity: 'warning',
    expects: 'An address that there is not is refused with status 404.',
    why: 'A wrong base URL is the most frequent mistake; a page of HTML with status 200 hides it.',
    probes: ['unknown-url'],
    judge: judgeEach(named('unknown-url'), 'it was not asked for', (exchange) =>
      exchange.response?.status === 404 ? undefined : (overLimit(exchange) ?? { seen: answered(exchange) }),
    ),
  },
  {
    ...errors,
    id: 'error-event',
    severity: 'failure',
    expects: 'An error in a stream is an event without a name, with the data {"error": {"message": "…"}}.',
    why: 'openai-python, openai-node and LangChain raise it in this form; another form is lost and the answer passes for whole.',
    probes: streamProbes,
    judge: judgeStreams((view) => {
      if (view.errors.length === 0) return notApplicable('no stream had an error');
      return view.errors
        .filter(({ event, json }) => {
          const error = json?.['error'];
          return event !== 'message' || !isObject(error) || typeof error['message'] !== 'string';
        })
        .map(({ number, data, event }) => ({ event: number, seen: `${event}: ${excerpt(data)}` }));
    }),
  },
  {
    ...errors,
    id: 'error-last',
    severity: 'failure',
    expects: 'After an error in a stream come neither a finish nor [DONE].',
    why: 'Clients that collect the text and wait for [DONE] (LiteLLM, one-api, many front ends) take the torn answer for whole.',
    probes: streamProbes,
    judge: judgeStreams((view) => {
      const [error] = view.errors;
      if (error === undefined) return notApplicable('no stream had an error');
      return view.events
        .filter(({ number }) => number > error.number)
        .map(({ number, data }) => ({ event: number, seen: `after the error: ${excerpt(data)}` }));
    }),
  },
  {
    ...errors,
    id: 'retry-after',
    severity: 'warning',
    expects: 'Refusals with status 429 or 503 say Retry-After.',
    why: 'openai-python and openai-node wait as long; without it they come back after half a second.',
    probes: ['stream', 'parallel'],
    judge: judgeEach(
      (recording) =>
        [...recording.values()].filter(({ response }) => [429, 503].includes(response?.status ?? 0)),
      'no request was refused with 429 or 503',
      ({ response }) =>
        response === undefined || headerOf(response, 'retry-after') !== undefined
          ? undefined
          : { seen: `status ${response.status} without Retry-After` },
    ),
  },
];
