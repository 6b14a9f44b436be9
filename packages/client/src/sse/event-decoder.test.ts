import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventDecoder } from './event-decoder.ts';

interface Read {
  readonly data: string;
  readonly id: string;
  readonly name: string;
}

const encoder = new TextEncoder();

/** What is read of bytes in pieces; `retryMs` at the end. Without `end()`, as an EventSource reads: a cut event is none. */
function read(pieces: Iterable<Uint8Array>): {
  readonly events: Read[];
  readonly retryMs: number | undefined;
} {
  const events: Read[] = [];
  const decoder = createEventDecoder((data, id, _numbered, name) => events.push({ data, id, name }));
  for (const piece of pieces) {
    const reused = piece.slice();
    decoder.push(reused);
    reused.fill(0x21);
  }
  return { events, retryMs: decoder.retryMs };
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The files `eventsource/format-*` of the web platform’s tests: what is sent, and the data that a listener gets. */
const vectors: readonly [name: string, stream: string, data: readonly string[], more?: Partial<Vector>][] = [
  // One byte order mark is dropped at the start.
  ['bom', '\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n', ['1', '3']],
  ['bom-2', '\ufeff\ufeffdata:1\n\ndata:2\n\ndata:3\n\n', ['2', '3']],
  [
    'comments',
    `data:1\r:\0\n:\r\ndata:2\n:${'x'.repeat(2049)}\rdata:3\n:data:fail\r:${'x'.repeat(2049)}\ndata:4\n\n`,
    ['1\n2\n3\n4'],
  ],
  [
    'data-before-final-empty-line',
    'retry:1000\ndata:test1\n\nid:test\ndata:test2',
    ['test1'],
    { retryMs: 1000 },
  ],
  ['field-data', 'data:\n\ndata\ndata\n\ndata:test\n\n', ['', '\n', 'test']],
  ['field-event', 'event:test\ndata:x\n\ndata:x\n\n', ['x', 'x'], { names: ['test', ''] }],
  ['field-event-empty', 'event: \ndata:data\n\n', ['data'], { names: [''] }],
  ['field-id', 'id: \u2026\nretry: 200\ndata: hello\n\n', ['hello'], { ids: ['\u2026'], retryMs: 200 }],
  [
    'field-id-2',
    'id: \u2026\nretry: 200\ndata: hello\n\nid\ndata: again\n\n',
    ['hello', 'again'],
    { ids: ['\u2026', ''] },
  ],
  ['field-id-null', 'id: \0\u2026\ndata: a\n\nid: x\0\ndata: b\n\n', ['a', 'b'], { ids: ['', ''] }],
  [
    'field-parsing',
    'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n',
    ['\0\n 2\n1\n3\n\n4'],
  ],
  ['field-retry', 'retry:3000\ndata:x\n\n', ['x'], { retryMs: 3000 }],
  ['field-retry-bogus', 'retry:3000\nretry:1000x\ndata:x\n\n', ['x'], { retryMs: 3000 }],
  ['field-retry-empty', 'retry\ndata:test\n\n', ['test'], { retryMs: undefined }],
  ['field-unknown', 'data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\n\n', ['test\n']],
  ['leading-space', 'data:\ttest\rdata: \ndata:test\n\n', ['\ttest\n\ntest']],
  ['newlines', 'data:test\r\ndata\ndata:test\r\n\r', ['test\n\ntest']],
  ['null-character', 'data:\0\n\n\n\n', ['\0']],
  ['utf-8', 'data:ok\u2026\u{1f600}\n\n', ['ok\u2026\u{1f600}']],
];

interface Vector {
  readonly names: readonly string[];
  readonly ids: readonly string[];
  readonly retryMs: number | undefined;
}

describe('the web platform’s tests of EventSource', () => {
  test.each(vectors)('format-%s, cut at every size', (_name, stream, data, more = {}) => {
    const bytes = encoder.encode(stream);
    for (let size = 1; size <= bytes.length; size += 1) {
      const { events, retryMs } = read(cut(bytes, size));
      expect(events.map((one) => one.data)).toEqual(data);
      if (more.names !== undefined) expect(events.map(({ name }) => name)).toEqual(more.names);
      if (more.ids !== undefined) expect(events.map(({ id }) => id)).toEqual(more.ids);
      if ('retryMs' in more) expect(retryMs).toBe(more.retryMs);
    }
  });
});

describe('against eventsource-parser', () => {
  const field = fc.constantFrom('data', 'event', 'id', 'retry', 'Data', 'dat', '', ' data', 'x');
  const value = fc.string({
    unit: fc.constantFrom('a', '1', ' ', ':', '\u00e4', '\u{1f600}', '{', '"', '\t'),
    maxLength: 8,
  });
  const line = fc.oneof(
    {
      arbitrary: fc.tuple(field, fc.constantFrom(':', ': ', ''), value).map((parts) => parts.join('')),
      weight: 6,
    },
    { arbitrary: fc.constant(''), weight: 4 },
    { arbitrary: value.map((text) => `:${text}`), weight: 1 },
  );
  // A CR alone is left out: the oracle waits for the next character before it ends the line.
  const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n')), { maxLength: 30 });

  test('any stream is read as the oracle reads it, however it is cut', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 40 }), (lines, size) => {
        const text = lines.flat().join('');
        const events: Read[] = [];
        let lastId = '';
        const parser = createParser({
          onEvent: ({ data, event = '' }) => events.push({ data, id: lastId, name: event }),
        });
        // The oracle gives an id only to the event that has it; the specification keeps the last one.
        for (const [one, end] of lines) {
          const id = /^id(?:: ?(.*))?$/su.exec(one);
          if (id !== null && !one.includes('\0')) lastId = id[1] ?? '';
          parser.feed(one + end);
        }
        expect(read(cut(encoder.encode(text), size)).events).toEqual(events);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('what a client of chat streams needs besides', () => {
  test('an event knows whether it has a number of its own', () => {
    const numbered: boolean[] = [];
    const decoder = createEventDecoder((_data, _id, own) => numbered.push(own));
    decoder.push(encoder.encode('id: 1\ndata: a\n\ndata: b\n\ndata: c\nid: 2\n\n'));
    expect(numbered).toEqual([true, false, true]);
  });

  test('an event that the end of the body cuts comes with the end, as far as it came', () => {
    const data: string[] = [];
    const decoder = createEventDecoder((one) => data.push(one));
    decoder.push(encoder.encode('data: a\n\ndata: b\ndata: c'));
    expect(data).toEqual(['a']);
    decoder.end();
    expect(data).toEqual(['a', 'b\nc']);
  });

  test('bytes that are no UTF-8 throw, also where the end cuts a character', () => {
    const decoder = createEventDecoder(() => {});
    expect(() => decoder.push(Uint8Array.of(0x64, 0xff))).toThrow(TypeError);
    const other = createEventDecoder(() => {});
    other.push(Uint8Array.of(0xc3));
    expect(() => other.end()).toThrow(TypeError);
  });

  test('an event is bounded, in one line or in many, and its time is linear', () => {
    const piece = encoder.encode('x'.repeat(1024 * 1024));
    const long = createEventDecoder(() => {});
    long.push(encoder.encode('data: '));
    expect(() => {
      for (let count = 0; count < 17; count += 1) long.push(piece);
    }).toThrow(RangeError);
    const lines = createEventDecoder(() => {});
    const line = encoder.encode(`data: ${'x'.repeat(1024 * 1024)}\n`);
    expect(() => {
      for (let count = 0; count < 17; count += 1) lines.push(line);
    }).toThrow(RangeError);
    // Byte by byte: a decoder that searched all it holds at each piece would not come to the end of this test.
    const slow: string[] = [];
    const bytes = createEventDecoder((data) => slow.push(data));
    const byte = encoder.encode('y');
    bytes.push(encoder.encode('data: '));
    for (let count = 0; count < 200_000; count += 1) bytes.push(byte);
    bytes.push(encoder.encode('\n\n'));
    expect(slow[0]?.length).toBe(200_000);
  });
});
