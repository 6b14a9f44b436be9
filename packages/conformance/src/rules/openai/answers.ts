import { bodyJson, bodyText, isCount, objectAt, objectsIn, parseJson } from '../../reading/body.ts';
import { type Exchange, headerOf, type Recording } from '../../wire/exchange.ts';
import {
  contentType,
  excerpt,
  type Finding,
  isObject,
  judgeEach,
  named,
  noStream,
  notApplicable,
  type Opinion,
  statusOf,
  streams,
  wholeAnswers,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const basic = { set: 'openai', group: 'answers' } as const;
const noWhole = 'no request was answered without a stream';

/** The answers that can say what is left of a limit. */
const limited = named('plain', 'stream', 'stream-with-usage');

export const answerRules: readonly Rule[] = [
  {
    ...basic,
    id: 'answered',
    severity: 'failure',
    expects: 'A plain request is answered with status 200, streaming and not.',
    why: 'Without an answer nothing else can be judged, and no client works.',
    probes: ['plain', 'stream'],
    judge: judgeEach(named('plain', 'stream'), 'nothing was asked', (exchange) =>
      exchange.response?.status === 200
        ? undefined
        : {
            seen: `${statusOf(exchange)}: ${excerpt(bodyJson(exchange) ?? bodyText(exchange).slice(0, 200))}`,
          },
    ),
  },
  {
    ...basic,
    id: 'models-list',
    severity: 'failure',
    expects: 'GET /models answers {"object": "list", "data": [{"id", …}]}.',
    why: 'Chat pages such as Open WebUI and LibreChat offer the models of this list; openai-python pages over `data`.',
    probes: ['models'],
    judge: judgeEach(named('models'), 'the list was not asked for', (exchange) => {
      const body = bodyJson(exchange);
      if (exchange.response?.status !== 200) return { seen: statusOf(exchange) };
      if (!isObject(body) || body['object'] !== 'list' || !Array.isArray(body['data']))
        return { seen: excerpt(body) };
      const odd = body['data'].find((model) => !isObject(model) || typeof model['id'] !== 'string');
      return odd === undefined ? undefined : { seen: `a model is ${excerpt(odd)}` };
    }),
  },
  {
    ...basic,
    id: 'whole-shape',
    severity: 'failure',
    expects:
      'An answer without a stream has id, object "chat.completion", created, model, and choices with index, message and finish_reason.',
    why: 'openai-python and openai-node hand these on without a check: `completion.choices[0].message.content` throws far from the cause.',
    probes: ['plain', 'length', 'neutral-values', 'content-parts'],
    judge: judgeEach(wholeAnswers, noWhole, wholeShape),
  },
  {
    ...basic,
    id: 'whole-content-type',
    severity: 'failure',
    expects: 'An answer without a stream has the content type application/json.',
    why: 'openai-node hands out a text instead of an object where the type is another one.',
    probes: ['plain', 'length'],
    judge: judgeEach(wholeAnswers, noWhole, (exchange) =>
      /^application\/([a-z.+-]*\+)?json\b/i.test(contentType(exchange))
        ? undefined
        : { seen: `content-type: ${contentType(exchange) || '(none)'}` },
    ),
  },
  {
    ...basic,
    id: 'stream-content-type',
    severity: 'failure',
    expects: 'A stream has the content type text/event-stream.',
    why: 'EventSource refuses another type; proxies such as nginx and Cloudflare then buffer or compress the answer.',
    probes: ['stream', 'stream-with-usage'],
    judge: judgeEach(streams, noStream, (exchange) =>
      /^text\/event-stream\b/i.test(contentType(exchange))
        ? undefined
        : { seen: `content-type: ${contentType(exchange) || '(none)'}` },
    ),
  },
  {
    ...basic,
    id: 'caching',
    severity: 'warning',
    expects: 'A stream says Cache-Control: no-cache or no-store.',
    why: 'Caches and service workers between may hold the answer back until it is whole.',
    probes: ['stream', 'stream-with-usage'],
    judge: judgeEach(streams, noStream, ({ response }) => {
      const value = response === undefined ? undefined : headerOf(response, 'cache-control');
      return /no-cache|no-store/i.test(value ?? '')
        ? undefined
        : { seen: `cache-control: ${value ?? '(none)'}` };
    }),
  },
  {
    ...basic,
    id: 'compression',
    severity: 'warning',
    expects: 'A stream is not compressed, though the client accepts it.',
    why: 'A compressor holds deltas back until its block is full. openai-python, browsers and Node’s fetch accept gzip by default.',
    probes: ['stream'],
    judge: judgeEach(named('stream'), noStream, ({ response }) => {
      if (response?.status !== 200) return notApplicable(noStream);
      const value = headerOf(response, 'content-encoding');
      return value === undefined || value === 'identity' ? undefined : { seen: `content-encoding: ${value}` };
    }),
  },
  {
    ...basic,
    id: 'request-id',
    severity: 'warning',
    expects: 'Every answer carries x-request-id.',
    why: 'openai-python (`_request_id`) and openai-node (`request_id`) show it in answers and errors; without it no support case can be traced.',
    probes: ['plain', 'stream', 'bad-model'],
    judge: judgeEach(named('plain', 'stream', 'bad-model/whole'), 'nothing was answered', ({ response }) => {
      if (response === undefined) return notApplicable('there was no answer');
      return headerOf(response, 'x-request-id') === undefined ? { seen: 'no x-request-id' } : undefined;
    }),
  },
  {
    ...basic,
    id: 'limit-headers',
    severity: 'warning',
    expects:
      'Headers x-ratelimit-…, where there are any, come as limit, remaining and reset; counts are whole numbers, resets are durations such as 6m0s.',
    why: 'LangChain’s and LiteLLM’s schedulers wait by these values.',
    probes: ['plain', 'stream', 'stream-with-usage'],
    judge: judgeEach(limited, 'nothing was answered', limitHeaders),
  },
];

function wholeShape(exchange: Exchange): Opinion {
  const body = bodyJson(exchange);
  if (!isObject(body)) return { seen: `no JSON object: ${excerpt(body)}` };
  const findings: Finding[] = [];
  const { id, object, created, model } = body;
  if (typeof id !== 'string' || id === '') findings.push({ seen: `id is ${excerpt(id)}` });
  if (object !== 'chat.completion') findings.push({ seen: `object is ${excerpt(object)}` });
  if (!isCount(created)) findings.push({ seen: `created is ${excerpt(created)}` });
  if (typeof model !== 'string') findings.push({ seen: `model is ${excerpt(model)}` });
  const choices = objectsIn(body['choices']);
  if (choices.length === 0) findings.push({ seen: `choices is ${excerpt(body['choices'])}` });
  for (const choice of choices) {
    const message = objectAt(choice, 'message');
    const { role, content } = message;
    const called = objectsIn(message['tool_calls']).length > 0;
    const named = role === 'assistant' && (typeof content === 'string' || content === null || called);
    if (!isCount(choice['index']) || !named || typeof choice['finish_reason'] !== 'string')
      findings.push({ seen: `a choice is ${excerpt(choice)}` });
  }
  return findings;
}

function limitHeaders({ response }: Exchange, _recording: Recording): Opinion {
  const found = (response?.headers ?? []).filter(([name]) => /^x-ratelimit-/.test(name));
  const known = found.flatMap(([name, value]) => {
    const [, kind, thing] = /^x-ratelimit-(limit|remaining|reset)-(requests|tokens)$/.exec(name) ?? [];
    return kind === undefined || thing === undefined ? [] : [{ name, kind, thing, value }];
  });
  if (known.length === 0) return notApplicable('no limits are shown');
  const findings = known
    .filter(({ kind, value }) =>
      kind === 'reset'
        ? !/^(?=.)(\d+h)?(\d+m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?$/.test(value)
        : !isCount(parseJson(value)),
    )
    .map(({ name, value }): Finding => ({ seen: `${name}: ${value}` }));
  for (const thing of ['requests', 'tokens']) {
    const kinds = known.filter((one) => one.thing === thing).map(({ kind }) => kind);
    if (kinds.length > 0 && kinds.length < 3)
      findings.push({ seen: `only ${kinds.map((kind) => `x-ratelimit-${kind}-${thing}`).join(', ')}` });
  }
  return findings;
}
