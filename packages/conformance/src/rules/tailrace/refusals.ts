import { errorKind, isErrorCode } from '@tailrace/protocol';
import { answerOf, objectAt } from '../../reading/body.ts';
import { type Exchange, headerOf, type Recording } from '../../wire/exchange.ts';
import {
  excerpt,
  type Finding,
  judgeEach,
  mistakeProbes,
  named,
  notApplicable,
  refusals,
  statusOf,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const errors = { set: 'tailrace', group: 'errors', severity: 'failure' } as const;

/** Code and field at fault of each mistake. */
const mistakes: Readonly<Record<string, readonly [code: string, param: string | null]>> = {
  'bad-model/whole': ['model_not_found', 'model'],
  'bad-model/stream': ['model_not_found', 'model'],
  'bad-json': ['invalid_json', null],
  'bad-type/whole': ['invalid_type', 'temperature'],
  'bad-type/stream': ['invalid_type', 'temperature'],
  'bad-type/role': ['invalid_value', 'messages[0].role'],
  'missing-messages': ['missing_parameter', 'messages'],
  'bad-key': ['invalid_api_key', null],
  'unknown-url': ['unknown_url', null],
  'options-without-stream': ['invalid_value', 'stream_options'],
};

/** All refusals, and that of the unknown address. */
function everyRefusal(recording: Recording): readonly Exchange[] {
  const unknown = recording.get('unknown-url');
  const refused = unknown !== undefined && (unknown.response?.status ?? 0) >= 400;
  return [...refusals(recording), ...(refused ? [unknown] : [])];
}

export const refusalRules: readonly Rule[] = [
  {
    ...errors,
    id: 'mistake-named',
    expects: 'A mistake is refused with its code, and param is the path of the field at fault.',
    why: 'Programs decide by the code; a form marks the field.',
    probes: [...mistakeProbes, 'bad-key', 'unknown-url', 'options-without-stream'],
    judge: judgeEach(named(...Object.keys(mistakes)), 'no request with a mistake was sent', (exchange) => {
      if (exchange.name === 'bad-key' && exchange.response?.status === 200)
        return notApplicable('the endpoint asks for no key');
      const error = objectAt(answerOf(exchange), 'error');
      const [code, param] = mistakes[exchange.name] ?? ['', null];
      return error['code'] === code && error['param'] === param
        ? undefined
        : {
            seen: `${statusOf(exchange)}, code ${excerpt(error['code'])}, param ${excerpt(error['param'])}; due: ${code}, ${param}`,
          };
    }),
  },
  {
    ...errors,
    id: 'envelope',
    expects: 'A refusal is {"error": {message, type, param, code}} and nothing else.',
    why: 'One reader of errors is enough for a client.',
    probes: mistakeProbes,
    judge: judgeEach(everyRefusal, 'no request was refused', (exchange) => {
      const body = answerOf(exchange);
      const error = objectAt(body, 'error');
      const right =
        Object.keys(body).join() === 'error' &&
        Object.keys(error).sort().join() === 'code,message,param,type' &&
        typeof error['message'] === 'string';
      return right ? undefined : { seen: `${statusOf(exchange)}: ${excerpt(body)}` };
    }),
  },
  {
    ...errors,
    id: 'code-in-table',
    expects: 'The code is in the table of errors, with its status and its type there.',
    why: 'Clients decide by status and code.',
    probes: mistakeProbes,
    judge: judgeEach(everyRefusal, 'no request was refused', ({ response, ...exchange }) => {
      const { code, type } = objectAt(answerOf({ ...exchange, ...(response && { response }) }), 'error');
      const known = isErrorCode(code) ? errorKind(code) : undefined;
      return known !== undefined && known.status === response?.status && known.type === type
        ? undefined
        : { seen: `status ${response?.status}, type ${excerpt(type)}, code ${excerpt(code)}` };
    }),
  },
  {
    ...errors,
    id: 'own-request-id',
    expects: 'Every answer has x-request-id, each another one.',
    why: 'A report of a user leads to one line of the log.',
    probes: ['plain', 'stream', ...mistakeProbes],
    judge: judgeEach(
      (recording) => [...recording.values()].filter(({ response }) => response !== undefined),
      'nothing was answered',
      (exchange, recording) => {
        const id = idOf(exchange);
        if (exchange.name.startsWith('disconnect/metrics')) return notApplicable('no answer of the API');
        if (id === undefined) return { seen: 'no x-request-id' };
        const twin = [...recording.values()].find((other) => other !== exchange && idOf(other) === id);
        return twin === undefined ? undefined : { seen: `x-request-id ${id}, as ${twin.name}` };
      },
    ),
  },
  {
    ...errors,
    id: 'retry-headers',
    expects:
      'Refusals with 429 and 503 carry Retry-After (≤ 60) and retry-after-ms, unless a retry cannot help.',
    why: 'openai-node ignores longer waits and retries at once; openai-python gives up.',
    probes: ['stream', 'parallel'],
    judge: judgeEach(
      (recording) =>
        [...recording.values()].filter(({ response }) => [429, 503].includes(response?.status ?? 0)),
      'no request was refused with 429 or 503',
      retryHeaders,
    ),
  },
];

function idOf({ response }: Exchange): string | undefined {
  return response === undefined ? undefined : headerOf(response, 'x-request-id');
}

function retryHeaders({ response }: Exchange) {
  if (response === undefined || headerOf(response, 'x-should-retry') === 'false') return undefined;
  const findings: Finding[] = [];
  const seconds = headerOf(response, 'retry-after') ?? '';
  if (!/^\d+$/.test(seconds) || Number(seconds) > 60)
    findings.push({ seen: `retry-after: ${seconds || '(none)'}` });
  const ms = headerOf(response, 'retry-after-ms') ?? '';
  if (!/^\d+$/.test(ms)) findings.push({ seen: `retry-after-ms: ${ms || '(none)'}` });
  return findings;
}
