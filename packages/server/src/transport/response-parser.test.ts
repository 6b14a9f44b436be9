import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createResponseParser } from './response-parser.ts';

/** Parses these reads, up to the first problem. */
function parse(reads: readonly string[], closed = true) {
  const seen = { status: 0, body: '', ended: undefined as number | undefined, cut: false };
  let headers: Readonly<Record<string, unknown>> = {};
  const parser = createResponseParser({
    head: (status, given) => {
      seen.status = status;
      headers = { ...given };
    },
    body: (bytes, from, to) => {
      seen.body += bytes.toString('latin1', from, to);
    },
    end: (idleMs) => {
      seen.ended = idleMs;
    },
  });
  for (const read of reads) {
    // As on a socket: behind the bytes of a read the shared buffer still holds bytes of an earlier one.
    const shared = Buffer.from(`${read}\r\n0\r\n\r\n`, 'latin1');
    const problem = parser.push(shared, read.length);
    if (problem !== undefined) return { ...seen, headers, problem };
  }
  seen.cut = closed && !parser.close();
  return { ...seen, headers };
}

const head = 'HTTP/1.1 200 OK\r\n';
const answers: readonly (readonly [name: string, bytes: string, body: string, idleMs: number])[] = [
  [
    'chunked',
    `${head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1A\r\n${'x'.repeat(26)}\r\n0\r\n\r\n`,
    `abc${'x'.repeat(26)}`,
    4_000,
  ],
  [
    'chunked, with extensions and a trailer',
    `${head}Transfer-Encoding: CHUNKED\r\n\r\n3;a=b\r\nabc\r\n0 ;c\r\nx: y\r\n\r\n`,
    'abc',
    4_000,
  ],
  ['of a known length', `${head}content-length: 3\r\nkeep-alive: timeout=7, max=9\r\n\r\nabc`, 'abc', 6_000],
  ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', '', 4_000],
  ['of length 0', `${head}content-length: 0\r\nconnection: close\r\n\r\n`, '', 0],
  ['until the connection closes', `${head}\r\nabc\r\n`, 'abc\r\n', 0],
  ['of an old server', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab', 'ab', 0],
  [
    'after interim responses',
    `HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 100 \r\n\r\n${head}content-length: 1\r\n\r\na`,
    'a',
    4_000,
  ],
];

describe.each(answers)('an answer %s', (_name, bytes, body, idleMs) => {
  test('is parsed to its end, however its bytes are divided into reads', () => {
    const whole = parse([bytes]);
    expect(whole).toMatchObject({ body, ended: idleMs, cut: false });
    expect(parse([...bytes])).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        expect(parse(at.slice(1).map((end, index) => bytes.slice(at[index], end)))).toEqual(whole);
      }),
    );
  });

  test('that is cut is never whole, unless the end of the connection is its end', () => {
    const closes = !/chunked|content-length|204/i.test(bytes);
    const headEnd = bytes.lastIndexOf('\r\n\r\n') + 4;
    for (let end = 0; end < bytes.length; end += 1) {
      const { cut } = parse([bytes.slice(0, end)]);
      if (!closes || end < headEnd) expect(cut).toBe(true);
    }
  });
});

test.each([
  ['two lengths', 'transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n'],
  ['a length twice', 'content-length: 3\r\ncontent-length: 4\r\n\r\n'],
  ['a malformed length', 'content-length: +3\r\n\r\n'],
  ['an unexpected coding', 'transfer-encoding: gzip, chunked\r\n\r\n'],
  ['a folded header', 'a: b\r\n c\r\n\r\n'],
  ['a space before the colon', 'a : b\r\n\r\n'],
  ['a bare carriage return', 'a: b\rc\r\n\r\n'],
  ['a bare line feed', 'a: b\nc: d\r\n\r\n'],
  ['a chunk without a size', 'transfer-encoding: chunked\r\n\r\n\r\n'],
  ['a negative chunk', 'transfer-encoding: chunked\r\n\r\n-1\r\n'],
  ['a chunk size ended by a line feed', 'transfer-encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n'],
  ['a chunk longer than its size', 'transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n'],
  ['a chunk size of too many digits', 'transfer-encoding: chunked\r\n\r\nfffffffffffff\r\n'],
  ['an endless chunk extension', `transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(40_000)}`],
  ['a second answer', 'content-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
])('%s is refused, read at once or byte by byte', (_name, rest) => {
  expect(parse([head + rest], false)).toHaveProperty('problem');
  expect(parse([...(head + rest)], false)).toHaveProperty('problem');
});

test.each(['SSH-2.0-x\r\n', 'HTTP/2 200\r\n\r\n', 'HTTP/1.1 200OK\r\n\r\n', 'HTTP/1.1 101 X\r\n\r\n'])(
  '%j is refused',
  (bytes) => {
    expect(parse([bytes], false)).toHaveProperty('problem');
  },
);

test('headers that come twice are a list, and no name is taken for a property of objects', () => {
  const { headers } = parse([
    `${head}Set-Cookie: a\r\nset-cookie:b\r\n__proto__: x\r\ncontent-length: 0\r\n\r\n`,
  ]);
  expect(headers['set-cookie']).toEqual(['a', 'b']);
  expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
});

test('endless trailers are refused, and many short lines are read in linear time', () => {
  const start = `${head}transfer-encoding: chunked\r\n\r\n0\r\n`;
  const flood = Array.from({ length: 4 }, () => 'a\r\n'.repeat(20_000));
  expect(parse([start, ...flood])).toMatchObject({ problem: 'too many trailers' });
});

describe('interim responses', () => {
  const early = `HTTP/1.1 103 Early Hints\r\nlink: ${'x'.repeat(1_000)}\r\n\r\n`;
  const answer = `${head}content-length: 1\r\n\r\na`;

  test('are skipped, up to 16 of them', () => {
    expect(parse([early.repeat(16) + answer])).toMatchObject({ status: 200, body: 'a' });
  });

  test('are refused when there are more, in one read or in many', () => {
    const problem = 'too many interim responses';
    expect(parse([early.repeat(17) + answer])).toMatchObject({ problem, status: 0 });
    expect(parse(Array.from({ length: 20 }, () => early))).toMatchObject({ problem, status: 0 });
  });
});

test('a head that comes byte by byte is read once, when it is whole', () => {
  const lines = `${head}x: ${'y'.repeat(30_000)}\r\ncontent-length: 1\r\n\r\n`;
  const slices = vi.spyOn(String.prototype, 'slice');
  expect(parse([...lines, 'a'])).toMatchObject({ status: 200, body: 'a', cut: false });
  // With each byte only the last characters of the held text are read.
  const long = slices.mock.contexts.filter((context) => String(context).length > 100);
  slices.mockRestore();
  expect(long.length).toBeLessThan(10);
});

test('the extension of a chunk is a line of at most a kilobyte', () => {
  const start = `${head}transfer-encoding: chunked\r\n\r\n`;
  const chunk = (length: number) => `1;${'x'.repeat(length)}\r\na\r\n`;
  expect(parse([`${start}${chunk(1_000).repeat(3)}0\r\n\r\n`])).toMatchObject({ body: 'aaa', cut: false });
  expect(parse([`${start}${chunk(1_100)}0\r\n\r\n`])).toHaveProperty('problem');
});
