/* An endpoint that keeps every rule of both sets, as a function from requests to written answers. */
import { isObject, type JsonObject, parseJson } from '../reading/body.ts';
import type { WireRequest } from '../wire/exchange.ts';
import type { WrittenAnswer } from './written-answer.ts';

const usage = { prompt_tokens: 12, completion_tokens: 4, total_tokens: 16 };
/** The pieces of its text. */
const pieces = [
  'The river runs',
  ' slowly. Then',
  ' it turns at a mill,',
  ' and ends in',
  ' the Łódź sea. 😀',
  ' So it is',
  ' here',
  ' too.',
];
const text = pieces.join('');

let serial = 0;

/** The endpoint's answer. `name` is that of the exchange. */
export function healthyAnswer(name: string, request: WireRequest): WrittenAnswer {
  serial += 1;
  const id = `chatcmpl-${serial}`;
  const body = parseJson(request.body ?? '');
  const fields = isObject(body) ? body : {};
  if (name.startsWith('disconnect/metrics'))
    return { ...json(404, refusal('unknown_url', 'not_found_error')), status: 404 };
  if (
    request.method === 'GET' ||
    request.method === 'HEAD' ||
    name.endsWith('/status') ||
    name === 'cancel/order'
  )
    return other(name, request);
  const mistake = mistakes[name];
  if (mistake !== undefined) return json(mistake[0], refusal(mistake[1], mistake[2], mistake[3]));
  if (name === 'parallel/3') return tooMany();
  if (fields['stream'] === true) return stream(name, id, fields);
  const answer = json(200, completion(id, fields));
  return name === 'plain' ? { ...answer, headers: { ...answer.headers, ...limits } } : answer;
}

const limits = {
  'x-ratelimit-limit-requests': '600',
  'x-ratelimit-remaining-requests': '599',
  'x-ratelimit-reset-requests': '100ms',
};

function tooMany(): WrittenAnswer {
  const answer = json(429, refusal('rate_limit_exceeded', 'rate_limit_error'));
  return { ...answer, headers: { ...answer.headers, 'retry-after': '2', 'retry-after-ms': '1500' } };
}

const mistakes: Readonly<
  Record<string, readonly [status: number, code: string, type: string, param: string | null]>
> = {
  'bad-model/whole': [404, 'model_not_found', 'not_found_error', 'model'],
  'bad-model/stream': [404, 'model_not_found', 'not_found_error', 'model'],
  'bad-json': [400, 'invalid_json', 'invalid_request_error', null],
  'bad-type/whole': [400, 'invalid_type', 'invalid_request_error', 'temperature'],
  'bad-type/stream': [400, 'invalid_type', 'invalid_request_error', 'temperature'],
  'bad-type/role': [400, 'invalid_value', 'invalid_request_error', 'messages[0].role'],
  'missing-messages': [400, 'missing_parameter', 'invalid_request_error', 'messages'],
  'bad-key': [401, 'invalid_api_key', 'authentication_error', null],
  'options-without-stream': [400, 'invalid_value', 'invalid_request_error', 'stream_options'],
};

function refusal(code: string, type: string, param: string | null = null): JsonObject {
  return { error: { message: 'What was expected, what came, and what to do.', type, param, code } };
}

function json(status: number, body: unknown): WrittenAnswer {
  serial += 1;
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-request-id': `req_${serial}` },
    writes: [JSON.stringify(body)],
  };
}

/** The kept stream of the probe `resume`: its events are numbered. */
const keptId = 'chatcmpl-kept';

function other(name: string, request: WireRequest): WrittenAnswer {
  const kept = numbered(events(keptId, { max_tokens: 32 }));
  switch (name) {
    case 'unknown-url':
      return json(404, refusal('unknown_url', 'not_found_error'));
    case 'disconnect/status':
      return json(200, { id: 'x', status: 'abandoned' });
    case 'cancel/order':
      return json(200, { id: /completions\/([^/]+)\//.exec(request.path)?.[1], status: 'cancelled' });
    case 'resume/rest':
      return sse(keptId, kept.slice(3));
    case 'resume/again':
      return sse(keptId, kept);
    case 'resume/beyond':
      return json(400, refusal('invalid_value', 'invalid_request_error', 'after'));
    case 'resume/durable':
    case 'resume/durable-head': {
      const messages = events(keptId, { max_tokens: 32 }).slice(0, -1);
      const answer = json(
        200,
        messages.map((event) => parseJson(event)),
      );
      const headers = { 'stream-next-offset': '000000000010', 'stream-closed': 'true' };
      return { ...answer, headers: { ...answer.headers, ...headers } };
    }
    default:
      return json(200, {
        object: 'list',
        data: [{ id: 'river-1', object: 'model', created: 1, owned_by: 'x' }],
      });
  }
}

function finishOf(fields: JsonObject): string {
  if (Number(fields['max_tokens'] ?? fields['max_completion_tokens']) <= 8) return 'length';
  return Array.isArray(fields['tools']) && fields['tool_choice'] !== undefined ? 'tool_calls' : 'stop';
}

function textOf(fields: JsonObject): readonly string[] {
  const format = isObject(fields['response_format']) ? fields['response_format']['type'] : 'text';
  if (format === 'json_object') return ['{"city":', ' "Oslo"}'];
  if (format === 'json_schema') return ['{"city": "Oslo",', ' "large": false}'];
  const stop = Array.isArray(fields['stop']) ? String(fields['stop'][0]) : undefined;
  return stop === undefined ? pieces : [text.slice(0, text.indexOf(stop))];
}

const call = {
  id: 'call_1',
  type: 'function',
  function: { name: 'get_weather', arguments: '{"city":"Oslo"}' },
};
const token = { token: 'The', logprob: -0.5, bytes: [84], top_logprobs: [] };

function logprobsOf(fields: JsonObject): unknown {
  return fields['logprobs'] === true ? { content: [token], refusal: null } : null;
}

function completion(id: string, fields: JsonObject): JsonObject {
  const calls = finishOf(fields) === 'tool_calls';
  return {
    id,
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'river-1',
    system_fingerprint: 'fp_1',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: calls ? null : textOf(fields).join(''),
          refusal: null,
          ...(calls ? { tool_calls: [call] } : {}),
        },
        logprobs: logprobsOf(fields),
        finish_reason: finishOf(fields),
      },
    ],
    usage,
  };
}

/** The data of the events of a stream. */
function events(id: string, fields: JsonObject): readonly string[] {
  const count = typeof fields['n'] === 'number' ? fields['n'] : 1;
  const indexes = Array.from({ length: count }, (_, index) => index);
  const chunk = (index: number, delta: JsonObject, finish: string | null = null, more: JsonObject = {}) =>
    ascii({
      id,
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: 'river-1',
      system_fingerprint: 'fp_1',
      choices: [
        {
          index,
          delta,
          logprobs: delta['content'] ? logprobsOf(fields) : null,
          finish_reason: finish,
        },
      ],
      ...more,
    });
  const deltas: readonly JsonObject[] =
    finishOf(fields) === 'tool_calls'
      ? [
          { tool_calls: [{ ...call, index: 0, function: { name: 'get_weather', arguments: '' } }] },
          { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
          { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] },
        ]
      : textOf(fields).map((content) => ({ content }));
  // Two choices of 8 tokens each, where two are asked for.
  const counted = count === 1 ? usage : { prompt_tokens: 12, completion_tokens: 16, total_tokens: 28 };
  return [
    ...indexes.map((index) => chunk(index, { role: 'assistant', content: '' })),
    ...indexes.flatMap((index) => deltas.map((delta) => chunk(index, delta))),
    ...indexes.map((index) =>
      chunk(index, {}, finishOf(fields), index === count - 1 ? { usage: counted } : {}),
    ),
    '[DONE]',
  ];
}

function ascii(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function numbered(data: readonly string[]): readonly string[] {
  return data.map((one, at) => `id: ${at + 1}\ndata: ${one}\n\n`);
}

/** `frames`: the last two share a write, as the finish and [DONE] do. */
function sse(id: string, frames: readonly string[]): WrittenAnswer {
  serial += 1;
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': `req_${serial}`,
      'tailrace-completion-id': id,
      'transfer-encoding': 'chunked',
    },
    writes: [...frames.slice(0, -2), frames.slice(-2).join('')],
  };
}

function stream(name: string, id: string, fields: JsonObject): WrittenAnswer {
  const frames = events(id, fields).map((data) => `data: ${data}\n\n`);
  const answer = sse(id, frames);
  const first = { ...answer, writes: frames.slice(0, 3), end: 'left' as const };
  switch (name) {
    case 'http-1.0': {
      const { 'transfer-encoding': _, ...headers } = answer.headers;
      return { ...answer, headers: { ...headers, connection: 'close' }, closes: true };
    }
    case 'disconnect':
      return first;
    case 'cancel':
      return { ...answer, writes: [...frames.slice(0, 2), cancelledFrame] };
    case 'resume': {
      const url = `http://127.0.0.1/v1/streams/${keptId}?expires=1&signature=00ff`;
      return {
        ...first,
        headers: { ...answer.headers, 'tailrace-completion-id': keptId, 'tailrace-stream-url': url },
        writes: numbered(events(keptId, fields)).slice(0, 3),
      };
    }
    case 'slow-reader':
      return { ...answer, writes: [': keepalive\n\n', ...answer.writes] };
    default:
      return answer;
  }
}

const cancelledFrame = `data: ${JSON.stringify({
  error: {
    message: 'This completion was cancelled.',
    type: 'conflict_error',
    param: null,
    code: 'completion_cancelled',
    request_id: 'req_0',
  },
})}\n\n`;
