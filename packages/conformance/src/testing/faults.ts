/*
 * One fault for each rule: what is changed in the answers of the healthy endpoint, so that this rule is broken. Other rules may be broken by
 * it too.
 */
import type { WireRequest } from '../wire/exchange.ts';
import type { WrittenAnswer } from './written-answer.ts';

export type Edit = (answer: WrittenAnswer, request: WireRequest) => WrittenAnswer;

/** The exchange whose answer is changed, and how. */
export type Fault = readonly [exchange: string, edit: Edit];

/** Replaces a text in the body: in the first write that has it, or in `all`. */
function swap(from: string | RegExp, to: string, which: 'first' | 'all' = 'first'): Edit {
  return (answer) => {
    let swapped = false;
    const writes = answer.writes.map((text) => {
      const changed = swapped && which === 'first' ? text : text.replace(from, to);
      swapped ||= changed !== text;
      return changed;
    });
    if (!swapped) throw new Error(`the answer has no ${from}: ${answer.writes.join('')}`);
    return { ...answer, writes };
  };
}

/** Changes the writes of the body. */
function writes(change: (writes: readonly string[]) => readonly string[]): Edit {
  return (answer) => ({ ...answer, writes: change(answer.writes) });
}

function header(name: string, value?: string): Edit {
  return (answer) => {
    const { [name]: _, ...others } = answer.headers;
    return { ...answer, headers: value === undefined ? others : { ...others, [name]: value } };
  };
}

function status(to: number): Edit {
  return (answer) => ({ ...answer, status: to });
}

/** Repeats the event at this place of the body. */
function repeat(at: number): Edit {
  return writes((all) => [...all.slice(0, at), all.at(at) ?? '', ...all.slice(at)]);
}

/** Adds bytes to the end of the body, behind the last event. */
function append(text: string): Edit {
  return writes((all) => [...all, text]);
}

const withoutEnd = writes((all) => all.map((text) => text.replace('data: [DONE]\n\n', '')));
const withoutFinish = writes((all) => [...all.slice(0, -1), 'data: [DONE]\n\n']);
const answerInPlaceOfRefusal: Edit = () => ({
  status: 200,
  headers: { 'content-type': 'application/json', 'x-request-id': 'x' },
  writes: ['{"id": "1", "choices": []}'],
});
const usageOfNothing = '"usage":{"prompt_tokens":12,"completion_tokens":0,"total_tokens":12}';

export const openaiFaults: Readonly<Record<string, Fault>> = {
  answered: ['plain', status(500)],
  'models-list': ['models', swap('"list"', '"array"')],
  'whole-shape': ['plain', swap('"chat.completion"', '"completion"')],
  'whole-content-type': ['plain', header('content-type', 'text/plain')],
  'stream-content-type': ['stream', header('content-type', 'text/plain')],
  caching: ['stream', header('cache-control')],
  compression: ['stream', header('content-encoding', 'br')],
  'request-id': ['plain', header('x-request-id')],
  'limit-headers': ['plain', header('x-ratelimit-reset-requests', 'soon')],
  'body-whole': ['stream', (answer) => ({ ...answer, end: 'cut' })],
  utf8: ['stream', swap('The river runs', 'The river \u{f8ff} runs')],
  bom: ['stream', swap('data: ', '\u{feff}data: ')],
  'data-json': ['stream', swap(/data: \{.*/, 'data: {"choi')],
  'events-whole': ['stream', append('data: {"usage":')],
  'data-in-each-block': ['stream', writes((all) => ['retry: 1000\n\n', ...all])],
  'named-events': ['stream', swap('data: ', 'event: chunk\ndata: ')],
  'comment-text': ['slow-reader', swap(': keepalive', ': ping')],
  incremental: ['stream', writes((all) => [all.join('')])],
  done: ['stream', withoutEnd],
  'chunk-fields': ['stream', swap('"chat.completion.chunk"', '"chunk"')],
  'chunk-id': [
    'stream',
    writes((all) => [all[0] ?? '', ...all.slice(1).map((text) => text.replace('chatcmpl-', 'other-'))]),
  ],
  'chunk-created': [
    'stream',
    writes((all) => [all[0] ?? '', (all[1] ?? '').replace('1700000000', '1700000001'), ...all.slice(2)]),
  ],
  'chunk-model': [
    'stream',
    writes((all) => [all[0] ?? '', (all[1] ?? '').replace('river-1', 'river-2'), ...all.slice(2)]),
  ],
  'choice-fields': ['stream', swap('"delta":{"content":"The river runs"},', '')],
  'choices-empty': ['stream', swap(/"choices":\[.*\]/, '"choices":[]')],
  'delta-types': ['stream', swap('"content":"The river runs"', '"content":7')],
  'role-first': ['stream', writes((all) => all.slice(1))],
  'role-once': ['stream', repeat(0)],
  'choice-order': ['choices', writes((all) => [all[1] ?? '', all[0] ?? '', ...all.slice(2)])],
  'characters-whole': ['unicode', swap('\\ud83d\\ude00', '\\ud83d')],
  finish: ['stream', withoutFinish],
  'finish-known': ['stream', swap('"finish_reason":"stop"', '"finish_reason":"eos"')],
  'finish-once': ['stream', swap(/^(data: \{.*\n\n)(data: \[DONE\]\n\n)$/, '$1$1$2')],
  'after-finish': ['stream', swap('"finish_reason":null', '"finish_reason":"stop"')],
  length: ['length/stream', swap('"finish_reason":"length"', '"finish_reason":"stop"')],
  'max-completion-tokens': [
    'max-completion-tokens',
    swap('"finish_reason":"length"', '"finish_reason":"stop"'),
  ],
  'stop-string': [
    'stop',
    (answer, { body = '' }) =>
      swap(/("content":"[^"]+)"/, `$1${String(/"stop":\["([^"]*)"/.exec(body)?.[1])}"`)(answer, {
        method: '',
        path: '',
        headers: {},
      }),
  ],
  'usage-whole': ['plain', swap(/,"usage":\{[^}]*\}/, '')],
  'usage-streamed': ['stream-with-usage', swap(/,"usage":\{[^}]*\}/, '')],
  'usage-once': [
    'stream-with-usage',
    swap(
      '"logprobs":null',
      '"logprobs":null}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"x":[{"y":null',
    ),
  ],
  'usage-last': [
    'stream-with-usage',
    swap(/(data: )(\{.*)("usage":\{[^}]*\})(\}\n\n)/, '$1$2$3$4$1$2"usage":null$4'),
  ],
  'usage-sums': ['plain', swap('"total_tokens":16', '"total_tokens":15')],
  'usage-plausible': ['plain', swap(/"usage":\{[^}]*\}/, usageOfNothing)],
  'usage-choices': [
    'choices',
    swap('"completion_tokens":16,"total_tokens":28', '"completion_tokens":8,"total_tokens":20'),
  ],
  'tool-called': ['tools/whole', swap(/,"tool_calls":\[.*\]\}(?=,"logprobs")/, '}')],
  'tool-start': ['tools/stream', swap('"id":"call_1",', '')],
  'tool-said-once': [
    'tools/stream',
    swap('"function":{"arguments":"{\\"city\\":"', '"id":"call_1","function":{"arguments":"{\\"city\\":"'),
  ],
  'tool-index': [
    'tools/stream',
    swap('"index":0,"function":{"arguments"', '"index":2,"function":{"arguments"', 'all'),
  ],
  'tool-arguments': ['tools/stream', swap('"arguments":"\\"Oslo\\"}"', '"arguments":"\\"Oslo\\""')],
  'tool-finish': ['tools/stream', swap('"finish_reason":"tool_calls"', '"finish_reason":"content_filter"')],
  'tool-whole': ['tools/whole', swap('"arguments":"{\\"city\\":\\"Oslo\\"}"', '"arguments":{"city":"Oslo"}')],
  'json-object': ['json-object', swap('{\\"city\\"', 'Here: {\\"city\\"')],
  'json-schema': ['json-schema/whole', swap('\\"large\\": false', '\\"large\\": 1')],
  'neutral-values': ['neutral-values', status(400)],
  'content-parts': ['content-parts', status(400)],
  'developer-role': ['developer-role', status(400)],
  'tool-result': ['tool-result', status(500)],
  choices: [
    'choices',
    writes((all) => all.filter((text) => !text.includes('"index":1')).concat('data: [DONE]\n\n')),
  ],
  logprobs: ['logprobs/stream', swap(/"logprobs":\{.*?"refusal":null\}/, '"logprobs":null', 'all')],
  'mistake-refused': ['bad-type/whole', answerInPlaceOfRefusal],
  'mistake-status': ['bad-json', status(500)],
  'unknown-model': ['bad-model/whole', answerInPlaceOfRefusal],
  'error-before-stream': [
    'bad-model/stream',
    (answer) => ({ ...answer, status: 200, writes: answer.writes.map((text) => `data: ${text}\n\n`) }),
  ],
  'error-envelope': ['bad-model/whole', swap(/.*/, '{"detail": "Not Found"}')],
  'error-fields': ['bad-model/whole', swap(',"param":"model"', '')],
  'error-content-type': ['bad-model/whole', header('content-type', 'text/html')],
  'bad-key': ['bad-key', status(403)],
  'unknown-url': ['unknown-url', status(200)],
  'error-event': ['cancel', swap('data: {"error":{', 'event: error\ndata: {"error":{')],
  'error-last': ['cancel', append('data: [DONE]\n\n')],
  'retry-after': ['parallel/3', header('retry-after')],
  reuse: ['stream/next', status(500)],
  'http-1.0': [
    'http-1.0',
    (answer) => ({
      ...header('transfer-encoding', 'chunked')(answer, { method: '', path: '', headers: {} }),
      closes: false,
    }),
  ],
  parallel: ['parallel/2', withoutEnd],
  'slow-reader': ['slow-reader', (answer) => ({ ...answer, end: 'cut' })],
  disconnect: ['disconnect/status', swap('abandoned', 'cancelled')],
};

const named = 'event: delta\ndata: ';

export const tailraceFaults: Readonly<Record<string, Fault>> = {
  'whole-form': ['plain', swap('"refusal":null', '"annotations":[]')],
  'same-prompt': [
    'plain',
    swap(
      '"prompt_tokens":12,"completion_tokens":4,"total_tokens":16',
      '"prompt_tokens":10,"completion_tokens":4,"total_tokens":14',
    ),
  ],
  'stream-head': ['stream', header('cache-control', 'no-cache')],
  'write-an-event': ['stream', writes((all) => [all.slice(0, 2).join(''), ...all.slice(2)])],
  'done-with-end': ['stream', (answer) => ({ ...answer, endApart: true })],
  'accept-ignored': ['accept-json', header('content-type', 'application/json')],
  'http-1.0-close': ['http-1.0', header('connection', 'keep-alive')],
  'completion-id': ['stream', header('tailrace-completion-id')],
  'framing-bom': ['stream', swap('data: ', '\u{feff}data: ')],
  'framing-cr': ['stream', swap(/\n/g, '\r\n', 'all')],
  'framing-ascii': ['stream', swap('\\u0141', 'Ł')],
  'framing-utf8': ['stream', swap('The river runs', 'The river \u{f8ff} runs')],
  'framing-line': ['stream', swap('data: ', named)],
  'framing-separator': ['stream', swap('\n\n', '\n\n\n')],
  'framing-incomplete': ['stream', append('data: {"usage":')],
  'framing-too-large': ['stream', swap('The river runs', 'x'.repeat(1_100_000))],
  'comment-text': ['slow-reader', swap(': keepalive', ': ping')],
  'event-id': ['resume', swap('id: 2\n', 'id: 7\n')],
  'data-json': ['stream', swap(/data: \{.*/, 'data: 7')],
  'chunk-fields': ['stream', swap('"system_fingerprint":"fp_1",', '')],
  'chunk-constant': ['stream', swap('"created":1700000000', '"created":1700000001')],
  'choices-empty': ['stream', swap(/"choices":\[.*\]/, '"choices":[]')],
  'choice-fields': ['stream', swap('"logprobs":null,', '')],
  'choice-index': ['stream', swap('"index":0,"delta":{"content"', '"index":3,"delta":{"content"')],
  logprobs: ['stream', swap('"logprobs":null', '"logprobs":{"content":[],"refusal":null}')],
  'role-chunk': ['stream', swap('"role":"assistant","content":""', '"role":"assistant","content":"The"')],
  'role-first': ['stream', writes((all) => all.slice(1))],
  'delta-empty': ['stream', swap('{"content":"The river runs"}', '{}')],
  'delta-text': ['stream', swap('"The river runs"', 'null')],
  'text-cut': ['stream', swap('\\ud83d\\ude00', '\\ud83d')],
  'tool-call-start': ['tools/stream', swap('"arguments":""', '"arguments":"{"')],
  'tool-call-piece': [
    'tools/stream',
    swap('"index":0,"function":{"arguments"', '"index":0,"type":"function","function":{"arguments"'),
  ],
  'tool-call-order': [
    'tools/stream',
    swap('"index":0,"function":{"arguments"', '"index":2,"function":{"arguments"'),
  ],
  'tool-call-arguments': ['tools/stream', swap('"arguments":"\\"Oslo\\"}"', '"arguments":"\\"Oslo\\""')],
  'tool-call-finish': ['tools/stream', swap('"finish_reason":"tool_calls"', '"finish_reason":"stop"')],
  'finish-reason': ['stream', swap('"finish_reason":"stop"', '"finish_reason":"eos"')],
  'finish-delta': ['stream', swap('"delta":{}', '"delta":{"content":"."}')],
  'after-finish': [
    'stream',
    swap(
      '"delta":{"content":"The river runs"},"logprobs":null,"finish_reason":null',
      '"delta":{},"logprobs":null,"finish_reason":"stop"',
    ),
  ],
  'finish-missing': ['stream', withoutFinish],
  'usage-fields': ['stream', swap('"total_tokens":16', '"total_tokens":15')],
  'usage-place': [
    'stream',
    swap(
      '"logprobs":null,"finish_reason":null}]',
      '"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}',
    ),
  ],
  'usage-missing': ['stream', swap(/,"usage":\{[^}]*\}/, '')],
  'usage-null': [
    'stream-with-usage',
    swap(/(data: )(\{.*"choices":)(\[.*\]),("usage":\{[^}]*\}\}\n\n)/, '$1$2$3,"usage":null}\n\n$1$2[],$4'),
  ],
  'error-fields': ['cancel', swap(',"request_id":"req_0"', '')],
  'error-code': ['cancel', swap('"completion_cancelled"', '"cancelled"')],
  'error-after-finish': [
    'cancel',
    swap(/^(data: .*"delta":\{)[^}]*(\}.*"finish_reason":)null/, '$1$2"stop"', 'all'),
  ],
  'done-missing': ['stream', withoutEnd],
  'after-end': ['stream', append('data: {}\n\n')],
  'mistake-named': ['bad-type/whole', swap('"param":"temperature"', '"param":null')],
  envelope: ['bad-type/whole', swap('{"error"', '{"object":"error","error"')],
  'code-in-table': ['bad-type/whole', status(422)],
  'own-request-id': ['stream', header('x-request-id')],
  'retry-headers': ['parallel/3', header('retry-after-ms')],
  cancel: ['cancel', writes((all) => all.slice(0, -1))],
  'resume-rest': ['resume/rest', writes((all) => all.slice(1))],
  'resume-beyond': ['resume/beyond', status(200)],
  'stream-url': ['resume', header('tailrace-stream-url')],
  'durable-read': ['resume/durable', header('stream-closed')],
};
