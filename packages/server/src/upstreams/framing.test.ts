import { describe, expect, test } from 'vitest';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import { createMessageDialect } from './anthropic/stream.ts';
import { createContentDialect } from './gemini/stream.ts';
import { createTranslation, type Translation, type TranslationOptions } from './http/answer/translation.ts';
import { createChatDialect } from './openai/stream.ts';

const completionId = 'chatcmpl-1';
const errors = () => ({ hidden: [], nowMs: 0 });
const chunk = (delta: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const part = (text: string) => ({ candidates: [{ content: { parts: [{ text }] } }] });

interface Protocol {
  readonly dialect: TranslationOptions['dialect'];
  /** The events of one answer, which says “Hello world”; each begins with its own `event:` line where the protocol has one. */
  readonly events: readonly object[];
  readonly named: boolean;
  readonly last: readonly string[];
}

const protocols: Record<string, Protocol> = {
  openai: {
    dialect: (output) => createChatDialect({ choices: 1, completionId, finishReasons: {}, errors }, output),
    events: [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Hello' }),
      chunk({ content: ' \u2028wörld' }),
      chunk({}, 'stop'),
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
    ],
    named: false,
    last: ['[DONE]'],
  },
  anthropic: {
    dialect: (output) => createMessageDialect({ errors, completionId }, output),
    events: [
      { type: 'message_start', message: { content: [], usage: { input_tokens: 3 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' \u2028wörld' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    ],
    named: true,
    last: [],
  },
  gemini: {
    dialect: (output) =>
      createContentDialect({ choices: 1, parallelToolCalls: true, completionId, errors }, output),
    events: [
      part('Hello'),
      part(' \u2028wörld'),
      {
        candidates: [{ content: { parts: [] }, finishReason: 'STOP' }],
        usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
      },
    ],
    named: false,
    last: [],
  },
};

const translate = ({ dialect }: Protocol, maxEventBytes = 16 * 1024) =>
  createTranslation({ dialect, maxEventBytes });

function readAll(translation: Translation, pieces: Iterable<Uint8Array>): StreamEvent[] {
  const events: StreamEvent[] = [];
  const add = (batch: EventBatch | undefined) => events.push(...(batch ?? []));
  for (const piece of pieces) if (translation.ended === undefined) add(translation.push(Buffer.from(piece)));
  if (translation.ended === undefined) add(translation.end(undefined));
  return events;
}

const bytewise = (text: string) => Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte));

/** The lines of each event. */
function frames({ events, named, last }: Protocol): string[][] {
  const typed = events.map((event) => {
    const data = `data: ${JSON.stringify(event)}`;
    return named ? [`event: ${(event as { type: string }).type}`, data] : [data];
  });
  return [...typed, ...last.map((data) => [`data: ${data}`])];
}

const each =
  (between: string, end = between) =>
  (protocol: Protocol) =>
    frames(protocol)
      .map((lines) => lines.join(end))
      .join(between) + between;

/** The data lines of each event, with one member of its JSON on each. */
function printed({ events, last }: Protocol): string[][] {
  const texts = [...events.map((event) => JSON.stringify(event, null, 1)), ...last];
  return texts.map((text) => text.split('\n').map((line) => `data: ${line}`));
}

/** A stream whose data is written in another way. */
const rewritten = (change: (data: string) => string) => (protocol: Protocol) =>
  [...protocol.events.map((event) => JSON.stringify(event)), ...protocol.last]
    .map((data) => `data: ${change(data)}\n\n`)
    .join('');
/** Changes the text of a stream in good order. */
const changed = (change: (text: string) => string) => (protocol: Protocol) =>
  change(each('\n\n', '\n')(protocol));
/** Puts lines before every event of a stream whose events one line end parts. */
const among = (line: string) => (protocol: Protocol) =>
  frames(protocol)
    .map((lines) => `${line}\n${lines.join('\n')}\n`)
    .join('');

const framings: Record<string, (protocol: Protocol) => string> = {
  'two line feeds': each('\n\n', '\n'),
  'one LF': each('\n'),
  'one CR LF': each('\r\n'),
  'one CR': each('\r'),
  'one LF for some': (protocol) =>
    frames(protocol)
      .map((lines, index) => lines.join('\n') + (index % 2 === 0 ? '\n' : '\n\n'))
      .join(''),
  'two line feeds, except before the last event': (protocol) =>
    frames(protocol)
      .map((lines, index, all) => lines.join('\n') + (index === all.length - 2 ? '\n' : '\n\n'))
      .join(''),
  'one LF and no line end at all behind the last event': (protocol) => each('\n')(protocol).trimEnd(),
  'two line feeds and no line end at all behind the last event': changed((text) => text.trimEnd()),
  'one LF, and an id before each event': among('id: 7'),
  'one LF, and a comment before each event': among(': ping'),
  'one LF, and a heartbeat before each event': among('data: ping'),
  'one LF, and an empty data line before each event': among('data:'),
  'one LF, and JSON that is no object before each event': among('data: null'),
  'heartbeats of every sort': changed((text) =>
    text.replaceAll(
      '\n\n',
      '\n\ndata: ping\n\ndata: [HEARTBEAT]\n\ndata: keep-alive 12:00:01\n\ndata: no content yet\n\nevent: ping\ndata: -\n\ndata:\n\n: x\n\n',
    ),
  ),
  'JSON that is no object between': changed((text) =>
    text.replaceAll(
      '\n\n',
      '\n\ndata: 17\n\ndata: "text"\n\ndata: null\n\ndata: []\n\ndata: true\n\ndata: ""\n\n',
    ),
  ),
  'no space behind the colon': changed((text) => text.replaceAll('data: ', 'data:')),
  'spaces behind the colon': changed((text) => text.replaceAll('data: ', 'data:   ')),
  'white space before the field': changed((text) => text.replaceAll('data: ', ' \tdata : ')),
  'a field in capital letters': changed((text) => text.replaceAll('data: ', 'Data: ')),
  'a byte order mark before each event': changed((text) => text.replaceAll('data: ', '\ufeffdata: ')),
  'the field twice': changed((text) => text.replaceAll('data: ', 'data: data: ')),
  'no field': (protocol) =>
    frames(protocol)
      .map((lines) => `${lines.at(-1)?.slice('data: '.length)}\n`)
      .join(''),
  'data over several lines': (protocol) =>
    printed(protocol)
      .map((lines) => `${lines.join('\n')}\n\n`)
      .join(''),
  'data over several lines, and one LF': (protocol) =>
    printed(protocol)
      .map((lines) => `${lines.join('\n')}\n`)
      .join(''),
  'lists of one event': rewritten((data) => (data.startsWith('{') ? `[${data}]` : data)),
  'one list of all events': ({ events, last }) =>
    [JSON.stringify(events), ...last].map((data) => `data: ${data}\n\n`).join(''),
  'events that are encoded twice': rewritten((data) => JSON.stringify(data)),
  '[DONE] with white space': changed((text) => text.replace('[DONE]', '  [DONE]  ')),
  '[DONE] behind any protocol': (protocol) => each('\n\n', '\n')({ ...protocol, last: ['[DONE]'] }),
};

describe.each(Object.entries(protocols))('the framing of %s', (_name, protocol) => {
  const expected = readAll(translate(protocol), [Buffer.from(each('\n\n', '\n')(protocol))]);

  test('has its text', () => {
    const types = expected.map(({ type }) => type).filter((type) => type !== 'start');
    expect(types).toEqual(['text-delta', 'text-delta', 'usage', 'finish']);
  });

  test.each(Object.entries(framings))('%s', (_how, frame) => {
    const text = frame(protocol);
    expect(readAll(translate(protocol), [Buffer.from(text)])).toEqual(expected);
    expect(readAll(translate(protocol), bytewise(text))).toEqual(expected);
  });

  test('one LF: each event comes with its line', () => {
    const translation = translate(protocol);
    const events: StreamEvent[] = [];
    for (const lines of frames(protocol).slice(0, -1)) {
      const before = events.length;
      events.push(...(translation.push(Buffer.from(`${lines.join('\n')}\n`)) ?? []));
      if (/Hello|wörld/.test(lines.join())) expect(events.length).toBe(before + 1);
    }
  });

  test('one LF: a long stream does not reach the bound of one event', () => {
    const { events } = protocol;
    const at = events.findIndex((event) => JSON.stringify(event).includes('Hello'));
    const long = [
      ...events.slice(0, at),
      ...Array.from({ length: 2_000 }, () => events[at] ?? {}),
      ...events.slice(at),
    ];
    const read = readAll(translate(protocol, 1_024), [
      Buffer.from(each('\n')({ ...protocol, events: long })),
    ]);
    expect(read.filter(({ type }) => type === 'text-delta')).toHaveLength(2_002);
    expect(read.at(-1)?.type).toBe('finish');
  });

  test('a string that a line end cuts is an event of its own, also with one LF', () => {
    const [first = [], ...rest] = frames(protocol);
    const torn = (data: string) =>
      readAll(translate(protocol), [
        Buffer.from([first, [`data: ${data}`], ...rest].map((lines) => `${lines.join('\n')}\n`).join('')),
      ]);
    expect(torn('{"type":"pi')).toEqual(expected);
    const output = JSON.stringify(protocol.events.find((event) => JSON.stringify(event).includes('Hello')));
    expect(torn(output.slice(0, output.indexOf('Hello') + 3)).at(-1)).toMatchObject({
      type: 'failed',
      failure: { code: 'upstream_cut' },
    });
  });

  test.each(['"}}]}', 'llo"}]}}', 'lo"},"finish_reason":null}]}'])(
    'the rest of an event whose beginning is lost is a cut: %s',
    (rest) => {
      const text = changed((whole) => whole.replace('\n\n', `\n\ndata: ${rest}\n\n`))(protocol);
      expect(readAll(translate(protocol), [Buffer.from(text)]).at(-1)).toMatchObject({
        type: 'failed',
        failure: { code: 'upstream_cut' },
      });
    },
  );

  test('heartbeats are no signs of life, and progress events are', () => {
    const translation = translate(protocol);
    for (const beat of ['data: ping\n\n', ': ping\n\n', 'data:\n\n', 'data: 17\n\n', 'event: ping\n\n']) {
      expect(translation.push(Buffer.from(beat))).toBeUndefined();
    }
    expect(translation.push(Buffer.from('data: {"type":"ping"}\n\n'))).toEqual([]);
  });
});
