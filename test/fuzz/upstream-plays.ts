import { costlyAnswer } from './costly-answers.ts';
import type { Dice } from './dice.ts';
import { type Dialect, goodStreams } from './good-streams.ts';
import { mutateBytes, mutateJson } from './mutate-json.ts';
import { errorBody, errorValue, oddHeaders } from './upstream-errors.ts';

/** What the hostile upstream does with one request, in order; after the last step it keeps the connection open. */
export type Step =
  | { readonly do: 'write'; readonly bytes: Buffer }
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'end' }
  | { readonly do: 'reset' };

export interface Scene {
  readonly dialect: Dialect;
  /** The word in the prompt of this request. */
  readonly mark: string;
  /** The port that the upstream listens on: its address is a secret too. */
  readonly port: number;
}

type Play = (dice: Dice, scene: Scene) => readonly Step[];

/** One play, drawn by weight: mostly a stream with a few faults. */
const plays: readonly (readonly [weight: number, play: Play])[] = [
  [8, mutatedStream],
  [4, refusal],
  [2, jsonAnswer],
  [2, brokenHttp],
  [2, toolCallPieces],
  [1, hugeExtras],
  [2, costly],
  [1, interimStorm],
  [1, heartbeats],
];

export function playFor(dice: Dice, scene: Scene): readonly Step[] {
  const total = plays.reduce((sum, [weight]) => sum + weight, 0);
  let left = dice.random() * total;
  for (const [weight, play] of plays) {
    left -= weight;
    if (left < 0) return play(dice, scene);
  }
  return mutatedStream(dice, scene);
}

function mutatedStream(dice: Dice, { dialect, mark, port }: Scene): readonly Step[] {
  const events = [...dice.pick(goodStreams[dialect])];
  for (let change = dice.int(0, 3); change > 0; change -= 1) {
    const at = dice.int(0, Math.max(0, events.length - 1));
    const event = events[at] ?? '';
    switch (dice.int(0, 9)) {
      case 0:
        events.splice(at, 1);
        break;
      case 1:
        events.splice(at, 0, event);
        break;
      case 2:
        events.splice(at, 1, mutateBytes(dice, Buffer.from(event), 1 + dice.size(4)).toString('latin1'));
        break;
      case 3: {
        const error = JSON.stringify(errorValue(dice, mark, port));
        const name = dice.pick(['', 'event: error\n', 'event: message\n']);
        events.splice(at, dice.int(0, 1), `${name}data: ${error}\n\n`);
        break;
      }
      case 4:
        events.splice(
          at,
          0,
          dice.pick([': still here\n\n', 'retry: 1\n\n', 'id: 7\n\n', 'data:\n\n', '\n', 'x\n\n']),
        );
        break;
      case 5:
        events.splice(at, events.length, ...(dice.oneIn(2) ? ['data: [DONE]\n\n'] : []));
        break;
      case 6:
        events.splice(at, 0, 'data: [DONE]\n\n');
        break;
      default:
        events.splice(
          at,
          1,
          inJson(event, (value) => mutateJson(dice, value)),
        );
    }
  }
  const finish = dice.oneIn(8) ? withFinish(events, `${mark} ended it`) : events;
  return asAnswer(
    dice,
    Buffer.from(finish.join(''), 'utf8'),
    'text/event-stream',
    oddHeaders(dice, mark, port),
  );
}

/** The data of an event, changed as JSON; unchanged where it is no JSON. */
function inJson(event: string, change: (value: unknown) => unknown): string {
  return event.replace(/^data: ?(.+)$/m, (line, data: string) => {
    try {
      return `data: ${JSON.stringify(change(JSON.parse(data)))}`;
    } catch {
      return line;
    }
  });
}

function withFinish(events: readonly string[], reason: string): readonly string[] {
  return events.map((event) =>
    event
      .replace(/"(finish_reason|stop_reason|finishReason)":\s?"[^"]*"/, `"$1":${JSON.stringify(reason)}`)
      .replace(
        /"system_fingerprint":\s?"[^"]*"/,
        `"system_fingerprint":${JSON.stringify('f'.repeat(5_000))}`,
      ),
  );
}

function refusal(dice: Dice, { mark, port }: Scene): readonly Step[] {
  const status = dice.pick([
    200, 201, 204, 301, 400, 400, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 529,
    599,
  ]);
  const type = dice.pick(['application/json', 'text/html', 'text/plain', 'text/event-stream', '']);
  return asAnswer(dice, errorBody(dice, mark, port), type, oddHeaders(dice, mark, port), status);
}

function jsonAnswer(dice: Dice, { dialect }: Scene): readonly Step[] {
  const whole: Readonly<Record<Dialect, unknown>> = {
    openai: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Rivers run.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
    },
    anthropic: {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'Rivers run.' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, output_tokens: 3 },
    },
    gemini: {
      candidates: [{ content: { role: 'model', parts: [{ text: 'Rivers run.' }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 3 },
    },
  };
  let value = whole[dialect];
  for (let change = dice.int(0, 2); change > 0; change -= 1) value = mutateJson(dice, value);
  return asAnswer(dice, Buffer.from(JSON.stringify(value)), 'application/json', []);
}

function brokenHttp(dice: Dice, { dialect, mark, port }: Scene): readonly Step[] {
  const body = Buffer.from(dice.pick(goodStreams[dialect]).join(''));
  const steps = asAnswer(dice, body, 'text/event-stream', oddHeaders(dice, mark, port));
  const whole = Buffer.concat(steps.map((step) => (step.do === 'write' ? step.bytes : Buffer.alloc(0))));
  const bytes = mutateBytes(dice, whole, 1 + dice.size(6));
  return [...inPieces(dice, bytes), { do: dice.pick(['end', 'reset']) }];
}

/** A long call whose arguments come in pieces of a few characters. */
function toolCallPieces(dice: Dice, { dialect }: Scene): readonly Step[] {
  const text = JSON.stringify({
    path: 'a.txt',
    text: dice.text(dice.size(dice.oneIn(10) ? 2_000_000 : 100_000)),
  });
  const piece = 1 + dice.size(40);
  const events: string[] = [];
  const say = (value: unknown) => events.push(`data: ${JSON.stringify(value)}\n\n`);
  const delta = (call: unknown) =>
    say({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] });
  if (dialect === 'openai') {
    delta({ index: 0, id: 'call_1', type: 'function', function: { name: 'write', arguments: '' } });
    for (let at = 0; at < text.length; at += piece) {
      delta({ index: 0, function: { arguments: text.slice(at, at + piece) } });
    }
    say({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] });
    events.push('data: [DONE]\n\n');
  } else if (dialect === 'anthropic') {
    say({ type: 'message_start', message: { usage: { input_tokens: 3, output_tokens: 1 } } });
    say({
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'write', input: {} },
    });
    for (let at = 0; at < text.length; at += piece) {
      say({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'input_json_delta', partial_json: text.slice(at, at + piece) },
      });
    }
    say({ type: 'content_block_stop', index: 0 });
    say({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } });
    say({ type: 'message_stop' });
  } else {
    const args = JSON.parse(text) as unknown;
    for (let call = 1 + dice.size(200); call > 0; call -= 1) {
      say({
        candidates: [
          { content: { parts: [{ functionCall: { name: 'write', args: call === 1 ? args : {} } }] } },
        ],
      });
    }
    say({ candidates: [{ finishReason: 'STOP' }] });
  }
  return asAnswer(dice, Buffer.from(events.join('')), 'text/event-stream', []);
}

/** Very much of what providers want back. */
function hugeExtras(dice: Dice, { dialect }: Scene): readonly Step[] {
  const size = dice.size(200_000);
  const rounds = 1 + dice.size(100);
  const junk = 'q'.repeat(size);
  const one: Readonly<Record<Dialect, unknown>> = {
    openai: {
      system_fingerprint: junk,
      choices: [
        {
          index: 0,
          delta: {
            reasoning_details: [{ type: 'reasoning.encrypted', data: junk }],
            extra_content: { a: junk },
          },
        },
      ],
    },
    anthropic: { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: junk } },
    gemini: { candidates: [{ content: { parts: [{ thought: true, text: 'm', thoughtSignature: junk }] } }] },
  };
  const opening =
    dialect === 'anthropic'
      ? 'data: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}\n\n'
      : '';
  const event = `data: ${JSON.stringify(one[dialect])}\n\n`;
  const good = dice.pick(goodStreams[dialect]).join('');
  return asAnswer(dice, Buffer.from(opening + event.repeat(rounds) + good), 'text/event-stream', []);
}

function costly(dice: Dice, { dialect }: Scene): readonly Step[] {
  const { body, type } = costlyAnswer(dice, dialect);
  return asAnswer(dice, body, type, [], dice.pick([200, 200, 200, 400]));
}

function interimStorm(dice: Dice, { mark, port }: Scene): readonly Step[] {
  const one = dice.pick([
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n',
    'HTTP/1.1 102 Processing\r\n\r\n',
  ]);
  const storm: Step = { do: 'write', bytes: Buffer.from(one.repeat(1 + dice.size(5_000))) };
  return dice.oneIn(2)
    ? [storm, ...refusal(dice, { dialect: 'openai', mark, port })]
    : [storm, { do: 'reset' }];
}

/** Nothing but signs of life. */
function heartbeats(dice: Dice, _scene: Scene): readonly Step[] {
  const beat = dice.pick([
    ': beat\n\n',
    'data:\n\n',
    'event: ping\n\n',
    '\n',
    ':\n',
    'data: {}\n\n',
    'id\n\n',
  ]);
  const steps = [...asAnswer(dice, Buffer.from(beat.repeat(1 + dice.size(50_000))), 'text/event-stream', [])];
  return dice.oneIn(2) ? steps : steps.slice(0, -1);
}

function asAnswer(
  dice: Dice,
  body: Buffer,
  type: string,
  headers: readonly string[],
  status = 200,
): readonly Step[] {
  const framing = dice.pick(['chunked', 'chunked', 'length', 'close'] as const);
  const head = [
    `HTTP/1.1 ${status} Fine`,
    ...(type === '' ? [] : [`Content-Type: ${type}`]),
    ...headers,
    ...(framing === 'chunked' ? ['Transfer-Encoding: chunked'] : []),
    ...(framing === 'length' ? [`Content-Length: ${body.length}`] : []),
    ...(framing === 'close' ? ['Connection: close'] : []),
  ].join('\r\n');
  const framed = framing === 'chunked' ? chunked(dice, body) : body;
  const bytes = Buffer.concat([Buffer.from(`${head}\r\n\r\n`), framed]);
  const cut = dice.oneIn(8) ? bytes.subarray(0, dice.int(0, bytes.length)) : bytes;
  const steps = [...inPieces(dice, cut)];
  if (framing === 'close' || cut !== bytes) steps.push({ do: dice.pick(['end', 'reset']) });
  return steps;
}

function chunked(dice: Dice, body: Buffer): Buffer {
  const size = dice.pick([1, 7, 100, 4_096, 65_536]);
  const pieces: Buffer[] = [];
  // One-byte chunks of a long body would only test this process.
  const step = body.length / size > 20_000 ? 4_096 : size;
  for (let at = 0; at < body.length; at += step) {
    const piece = body.subarray(at, at + step);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/** Writes of uneven length, at most some forty, with a short pause now and then. */
function inPieces(dice: Dice, bytes: Buffer): readonly Step[] {
  const steps: Step[] = [];
  const count = dice.pick([1, 1, 2, 5, 40]);
  const size = Math.max(1, Math.ceil(bytes.length / count));
  for (let at = 0; at < bytes.length; at += size) {
    steps.push({ do: 'write', bytes: bytes.subarray(at, at + size) });
    if (dice.oneIn(12)) steps.push({ do: 'pause', ms: dice.pick([1, 5, 30, 300]) });
  }
  return steps;
}
