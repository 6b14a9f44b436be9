import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSseDecoder, type SseItem, sseData, sseDone, sseKeepalive } from './sse.ts';

const encoder = new TextEncoder();

function decode(pieces: readonly Uint8Array[], maxEventBytes?: number): SseItem[] {
  const items: SseItem[] = [];
  const decoder = createSseDecoder(maxEventBytes === undefined ? {} : { maxEventBytes }, (item) =>
    items.push(item),
  );
  for (const piece of pieces) {
    // The decoder may keep no reference: the buffer of a socket is filled again.
    const reused = piece.slice();
    decoder.push(reused);
    reused.fill(0x21);
  }
  decoder.end();
  return items;
}

function read(text: string, maxEventBytes?: number): SseItem[] {
  return decode([encoder.encode(text)], maxEventBytes);
}

function message(data: string, lastEventId = '', event = 'message'): SseItem {
  return { type: 'event', event, data, lastEventId };
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const place of [...places, bytes.length]) {
    pieces.push(bytes.subarray(from, place));
    from = place;
  }
  return pieces;
}

describe('the examples of the specification', () => {
  test('data lines are joined by a line feed', () => {
    expect(read('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual([message('YHOO\n+2\n10')]);
  });

  test('comments, an id, an id that is cleared, and an event that the end of the body cuts', () => {
    expect(
      read(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n'),
    ).toEqual([
      { type: 'comment', text: ' test stream' },
      message('first event', '1'),
      message('second event'),
      { type: 'incomplete', data: ' third event' },
    ]);
  });

  test('empty data lines make events, an event without data line makes none', () => {
    expect(read('data\n\ndata\ndata\n\nevent: only-a-name\n\ndata:')).toEqual([
      message(''),
      message('\n'),
      { type: 'incomplete', data: '' },
    ]);
  });

  test('one space after the colon is dropped, no more', () => {
    expect(read('data:test\n\ndata: test\n\ndata:  test\n\n')).toEqual([
      message('test'),
      message('test'),
      message(' test'),
    ]);
  });
});

describe('fields', () => {
  test('an event carries its name, and the next one has none again', () => {
    expect(read('event: error\ndata: x\n\ndata: y\n\n')).toEqual([message('x', '', 'error'), message('y')]);
  });

  test('an id lasts until another is sent, an id with NUL is ignored', () => {
    expect(read('id: 7\ndata: a\n\ndata: b\n\nid: 8\0\ndata: c\n\n')).toEqual([
      message('a', '7'),
      message('b', '7'),
      message('c', '7'),
    ]);
  });

  test('retry is an item where it is a whole number and ignored where it is not', () => {
    expect(read('retry: 1500\nretry: soon\nretry: -1\nretry:\n\n')).toEqual([
      { type: 'retry', retryMs: 1500 },
    ]);
  });

  test('unknown fields and fields in capital letters are ignored', () => {
    expect(read('Data: a\ndatum: b\n data: c\ndata: d\n\n')).toEqual([message('d')]);
  });
});

describe('line ends and the byte order mark', () => {
  test.each([
    ['LF', '\n'],
    ['CR LF', '\r\n'],
    ['CR', '\r'],
  ])('%s ends lines', (_name, end) => {
    const text = ['event: e', 'data: a', 'data: b', '', ': c', '', 'data: d', '', ''].join(end);
    expect(read(text)).toEqual([message('a\nb', '', 'e'), { type: 'comment', text: ' c' }, message('d')]);
  });

  test('mixed line ends are read line by line', () => {
    expect(read('data: a\rdata: b\r\ndata: c\n\r\n')).toEqual([message('a\nb\nc')]);
  });

  test('an event that ends in CR comes at once, without waiting for an LF', () => {
    const items: SseItem[] = [];
    const decoder = createSseDecoder({}, (item) => items.push(item));
    decoder.push(encoder.encode('data: a\r\n\r'));
    expect(items).toEqual([message('a')]);
    decoder.push(encoder.encode('\ndata: b\r\n\r\n'));
    expect(items).toEqual([message('a'), message('b')]);
  });

  test('a byte order mark is dropped at the start of the stream and only there', () => {
    expect(read('\ufeffdata: a\n\n')).toEqual([message('a')]);
    expect(read('\ufeff\ufeffdata: a\n\n')).toEqual([]);
    expect(read('data: a\n\n\ufeffdata: b\n\n')).toEqual([message('a')]);
    expect(read('data: \ufeffa\n\n')).toEqual([message('\ufeffa')]);
  });

  test('the beginning of a byte order mark is ordinary text', () => {
    expect(decode([Uint8Array.of(0xef), encoder.encode('data: a\n\ndata: b\n\n')])).toEqual([
      { type: 'malformed', data: '' },
      message('b'),
    ]);
    expect(decode([Uint8Array.of(0xef, 0xbb)])).toEqual([{ type: 'incomplete', data: '' }]);
  });
});

describe('what a browser would silently drop', () => {
  test('bytes that are not UTF-8 make the event malformed, the next one is read', () => {
    const bytes = [...encoder.encode('data: a'), 0xc3, ...encoder.encode('\ndata: b\n\ndata: c\n\n')];
    expect(decode([Uint8Array.from(bytes)])).toEqual([
      { type: 'malformed', data: 'a\ufffd\nb' },
      message('c'),
    ]);
  });

  test('a comment that is not UTF-8 is malformed without data and spoils no event', () => {
    const bytes = [...encoder.encode('data: a\n: '), 0xff, ...encoder.encode('\n\n')];
    expect(decode([Uint8Array.from(bytes)])).toEqual([{ type: 'malformed', data: '' }, message('a')]);
  });

  test('an event cut in a line, in a field name, or before its blank line is incomplete', () => {
    expect(read('data: a\n\ndata: {"x')).toEqual([message('a'), { type: 'incomplete', data: '{"x' }]);
    expect(read('data: a\nda')).toEqual([{ type: 'incomplete', data: 'a' }]);
    expect(read('data: a\n')).toEqual([{ type: 'incomplete', data: 'a' }]);
    expect(read('event: x\n')).toEqual([{ type: 'incomplete', data: '' }]);
  });

  test('an event over the bound is reported once and skipped, the next one is read', () => {
    const tooLarge: SseItem = { type: 'too-large', maxEventBytes: 16 };
    expect(read(`data: ${'x'.repeat(11)}\n\ndata: b\n\n`, 16)).toEqual([tooLarge, message('b')]);
    expect(read(`data: ${'x'.repeat(10)}\n\n`, 16)).toEqual([message('x'.repeat(10))]);
    expect(read(`data: 12345\ndata: 1\ndata: 2\n\ndata: b\n\n`, 16)).toEqual([tooLarge, message('b')]);
  });

  test('an event over the bound is reported before it ends, and an endless line is not kept', () => {
    const items: SseItem[] = [];
    const decoder = createSseDecoder({ maxEventBytes: 64 }, (item) => items.push(item));
    for (let i = 0; i < 1000; i += 1) decoder.push(encoder.encode('data: xxxx'));
    expect(items).toEqual([{ type: 'too-large', maxEventBytes: 64 }]);
    decoder.push(encoder.encode('\n\ndata: b\n\n'));
    expect(items.at(-1)).toEqual(message('b'));
  });

  test('comments without a blank line between them never add up to the bound', () => {
    const items = read(`data: a\n${': still here\n'.repeat(100)}\n`, 64);
    expect(items.length).toBe(101);
    expect(items.at(-1)).toEqual(message('a'));
  });
});

describe('cut into pieces of any size', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'data: {"a":1}',
      'data',
      'data:',
      ': keepalive',
      'id: 4',
      'event: x',
      'retry: 3',
      '',
      '',
      '',
    ),
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );
  const stream = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n', '\r')), { maxLength: 20 })
    .map((lines) => encoder.encode(lines.map(([text, end]) => text + end).join('')));
  // A flipped byte now and then makes the text malformed, and cuts it inside characters.
  const bytes = fc
    .tuple(fc.boolean(), stream, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }))
    .map(([mark, clean, flips]) => {
      const spoilt = Uint8Array.from(mark ? [0xef, 0xbb, 0xbf, ...clean] : clean);
      for (const [place, value] of flips) if (spoilt.length > 0) spoilt[place % spoilt.length] = value;
      return spoilt;
    });

  test('any split gives the items of the whole', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.constantFrom(8, 24, 4096),
        (whole, cuts, max) => {
          expect(decode(split(whole, cuts), max)).toEqual(decode([whole], max));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('byte by byte gives the items of the whole', () => {
    fc.assert(
      fc.property(bytes, fc.constantFrom(8, 24, 4096), (whole, max) => {
        expect(
          decode(
            [...whole].map((byte) => Uint8Array.of(byte)),
            max,
          ),
        ).toEqual(decode([whole], max));
      }),
      { numRuns: 500 },
    );
  });

  test('events we write come back as they were, split inside every character', () => {
    const texts = ['{"content":"\u00fc \ud83d\ude00"}', '[DONE]', '{}'];
    const whole = encoder.encode(texts.map(sseData).join(sseKeepalive));
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const items = decode([whole.subarray(0, cut), whole.subarray(cut)]);
      expect(items.flatMap((item) => (item.type === 'event' ? [item.data] : []))).toEqual(texts);
    }
    expect(read(sseDone)).toEqual([message('[DONE]')]);
  });
});

test('a body of one byte a push takes as many steps as bytes, not their square', () => {
  // 2 MiB in one-byte pushes into one event: with a copy of the held bytes at each push this never ends.
  const items: SseItem[] = [];
  const decoder = createSseDecoder({ maxEventBytes: 4 * 1024 * 1024 }, (item) => items.push(item));
  const x = encoder.encode('x');
  decoder.push(encoder.encode('data: '));
  for (let i = 0; i < 2 * 1024 * 1024; i += 1) decoder.push(x);
  decoder.push(encoder.encode('\n\n'));
  expect(items.map((item) => (item.type === 'event' ? item.data.length : item.type))).toEqual([
    2 * 1024 * 1024,
  ]);
});

describe('a caller that knows its data', () => {
  const readWith = (text: string, pieces: 'whole' | 'bytes') => {
    const items: SseItem[] = [];
    const decoder = createSseDecoder(
      {
        maxEventBytes: 32,
        endsEvent: (data, line, event) => data.endsWith('.') || (line === 'stop' && event === 'x'),
        dataOf: (line) => (line.startsWith('!') ? line.slice(1) : undefined),
      },
      (item) => items.push(item),
    );
    const bytes = encoder.encode(text);
    if (pieces === 'whole') decoder.push(bytes);
    else for (const byte of bytes) decoder.push(Uint8Array.of(byte));
    decoder.end();
    return items;
  };

  test.each(['whole', 'bytes'] as const)('ends an event at a data line, with its name: %s', (pieces) => {
    expect(
      readWith('data: a.\nevent: x\ndata: b\ndata: stop\ndata: c\ndata: d.\n\ndata: e\n', pieces),
    ).toEqual([
      message('a.'),
      message('b\nstop', '', 'x'),
      message('c\nd.'),
      { type: 'incomplete', data: 'e' },
    ]);
  });

  test.each(['whole', 'bytes'] as const)('counts each such event alone against the bound: %s', (pieces) => {
    const items = readWith('data: a.\n'.repeat(100), pieces);
    expect(items).toEqual(Array.from({ length: 100 }, () => message('a.')));
  });

  test.each(['whole', 'bytes'] as const)('finds data in lines without the field: %s', (pieces) => {
    expect(readWith('!a.\n?b.\n!c\n\n!d.', pieces)).toEqual([message('a.'), message('c'), message('d.')]);
  });

  test('gets the last line of a body without its end', () => {
    expect(readWith('data: a.', 'whole')).toEqual([message('a.')]);
    expect(readWith('data: a', 'whole')).toEqual([{ type: 'incomplete', data: 'a' }]);
  });
});

test('the decoder is between two events only where the next byte begins one', () => {
  const decoder = createSseDecoder({}, () => {});
  const seen: boolean[] = [];
  for (const byte of Buffer.from('data: a\n\n: c\nevent: x\ndata: b\n\n')) {
    decoder.push(Uint8Array.of(byte));
    seen.push(decoder.between);
  }
  // The comment's line is over and holds nothing; inside a line, and behind a field, it is not between.
  const text = seen.map((between) => (between ? '|' : '.')).join('');
  expect(text).toBe('........|...|.................|');
});

test('the decoder is not between two events inside a malformed one', () => {
  const decoder = createSseDecoder({}, () => {});
  decoder.push(Uint8Array.of(...encoder.encode('id: '), 0xff, 0x0a));
  expect(decoder.between).toBe(false);
  decoder.push(encoder.encode('\n'));
  expect(decoder.between).toBe(true);
});
