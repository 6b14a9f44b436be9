import { describe, expect, test } from 'vitest';
import { recordText } from '../record.ts';
import { dialects } from '../upstream/dialects.ts';
import { StreamChecker } from './stream-checker.ts';

const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const { begin, before, after, end } = dialects.openai;
const tag = 42;
const records = 3;
const texts = Array.from({ length: records }, (_, index) => recordText(tag, index, 1_000 + index));
/** What the bench's upstream sends. */
const answer = head + begin + texts.map((text) => before + text + after).join('') + end(records);

const withLength = (body: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
const delta = (text: string): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;
const done = 'data: [DONE]\n\n';

interface Seen {
  readonly written: number[];
  whole?: { readonly reusable: boolean };
  broken?: string;
}

/** Reads the pieces as one answer each after another read, and then the end of the connection. */
function check(pieces: readonly string[], closes = false): Seen {
  const seen: Seen = { written: [] };
  const checker = new StreamChecker();
  checker.begin(tag, records, {
    record: (writtenUs) => seen.written.push(writtenUs),
    whole: (reusable) => {
      seen.whole = { reusable };
    },
    broken: (reason) => {
      seen.broken = reason;
    },
  });
  for (const piece of pieces) {
    // The buffer is longer than what was read, as that of a socket is.
    const buffer = Buffer.from(`${piece}data: {"content":"stale"}`, 'latin1');
    checker.push(buffer, piece.length);
  }
  if (closes) checker.closed();
  return seen;
}

const good: Seen = { written: [1_000, 1_001, 1_002], whole: { reusable: true } };

describe('the checker of answers', () => {
  test('reads the upstream’s own answer, whole and byte by byte', () => {
    expect(check([answer])).toEqual(good);
    expect(check([...answer])).toEqual(good);
  });

  test('reads it cut in two at each byte', () => {
    for (let at = 1; at < answer.length; at += 1) {
      expect(check([answer.slice(0, at), answer.slice(at)])).toEqual(good);
    }
  });

  test('reads texts that a gateway has joined, split and written with spaces', () => {
    const [first = '', second = '', third = ''] = texts;
    const spaced = `data:{"choices": [{"delta": {"content" : "${third.slice(0, 9)}", "role": null}}]}\r\n\r\n`;
    const body = `: hello\n\n${delta('')}${delta(first + second)}${spaced}${delta(third.slice(9))}event: x\n${done}`;
    expect(check([withLength(body)])).toEqual({ ...good, whole: { reusable: false } });
    expect(check([`HTTP/1.0 200 OK\r\n\r\n${body}`], true)).toEqual({ ...good, whole: { reusable: false } });
  });

  test('takes another field that ends in the key’s name for no text', () => {
    const body = `data: {"reasoning_content":"no","x":"\\"content","content":null}\n\n${texts.map(delta).join('')}${done}`;
    expect(check([withLength(body)]).whole).toBeDefined();
  });

  test.each<[string, string, RegExp]>([
    ['the text of another stream', answer.replace(' 0042.0001', ' 0043.0001'), /has not sent, after 1 of 3/],
    ['a missing record', answer.replace(before + texts[1] + after, ''), /has not sent, after 1 of 3/],
    [
      'a record that came twice',
      withLength(`${[...texts, texts[2] ?? ''].map(delta).join('')}${done}`),
      /after 3/,
    ],
    ['a text that is short', withLength(`${texts.slice(0, 2).map(delta).join('')}${done}`), /ends before/],
    ['a torn record', withLength(`${delta(texts.join('').slice(0, -1))}${done}`), /ends before its text/],
    ['no [DONE]', withLength(texts.map(delta).join('')), /without \[DONE\]/],
    ['another word in its place', withLength(`${texts.map(delta).join('')}data: [DONT]\n\n`), /without/],
    ['a refusal', 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy', /refused: HTTP\/1.1 503 Busy.*busy/s],
    ['a chunk longer than its size', answer.replace(`${head}`, `${head}1\r\n`), /longer than its size/],
    ['a chunk without a size', answer.replace(`${head}`, `${head}\r\n`), /without a size/],
  ])('finds %s', (_, bytes, reason) => {
    expect(check([bytes]).broken).toMatch(reason);
    expect(check([...bytes]).whole).toBeUndefined();
  });

  test('finds bytes behind the end', () => {
    const seen = check([`${answer}HTTP`]);
    expect(seen.broken).toMatch(/bytes after the end/);
    expect(seen.whole).toBeUndefined();
  });

  test('finds that the connection closes too early, at each byte', () => {
    for (let at = 0; at < answer.length; at += 1) {
      expect(check([answer.slice(0, at)], true).broken).toMatch(/closed before the end/);
    }
  });
});
