import { gzipSync } from 'node:zlib';
import type { Fault } from '../fault.ts';
import { type HealthyStream, inOrder } from '../healthy-stream.ts';
import { chunk, eventStreamHeaders, head, streamHead } from '../http-bytes.ts';
import { alwaysWhole, failsBeforeCommit } from '../outcomes.ts';
import { type StreamPlan, streamed } from '../play-stream.ts';

const headerCount = 100;
const headerBytes = 1000;
const trailerCount = 2000;

/** A healthy stream with unusual lines, bytes or HTTP framing. */
export const framing: readonly Fault[] = [
  {
    name: 'cr',
    description: 'Lines end with CR alone.',
    play: streamed((stream) => rewritten(stream, (text) => text.replaceAll('\n', '\r'))),
    expected: alwaysWhole,
  },
  {
    name: 'crlf',
    description: 'Lines end with CR LF.',
    play: streamed((stream) => rewritten(stream, (text) => text.replaceAll('\n', '\r\n'))),
    expected: alwaysWhole,
  },
  {
    name: 'one-line-end',
    description: 'Events are parted by one end of a line.',
    parameter: {
      kind: 'word',
      words: ['lf', 'crlf', 'some', 'done'],
      means: 'which: LF, CR LF, LF behind every second event, or LF before [DONE]',
    },
    play: streamed((stream, { word }) => {
      const events = inOrder(stream);
      return {
        pieces: events.map((text, index) => oneLineEnd(text, word, index, events.length)),
        end: 'whole',
      };
    }),
    expected: alwaysWhole,
  },
  {
    name: 'plain-heartbeats',
    description: 'Before each event one that is no JSON and does not begin like it.',
    parameter: {
      kind: 'word',
      words: ['word', 'named', 'empty'],
      means: 'a word, a named event, or no data',
    },
    play: streamed((stream, { word }) => beforeEach(stream, heartbeats[word] ?? '')),
    expected: alwaysWhole,
  },
  {
    name: 'json-no-object',
    description: 'Before each event one whose JSON is no object.',
    parameter: { kind: 'word', words: ['number', 'text', 'null', 'list'], means: 'what it is' },
    play: streamed((stream, { word }) => beforeEach(stream, `data: ${noObjects[word] ?? ''}\n\n`)),
    expected: alwaysWhole,
  },
  {
    name: 'bom',
    description: 'The body begins with a byte order mark.',
    play: streamed((stream) => ({ pieces: ['\ufeff', ...inOrder(stream)], end: 'whole' })),
    expected: alwaysWhole,
  },
  {
    name: 'byte-by-byte',
    description: 'Every byte of the body is a chunk and a write of its own.',
    play: streamed((stream) => ({
      pieces: [...Buffer.from(inOrder(stream).join(''))].map((byte) => Buffer.from([byte])),
      everyMs: 0,
      end: 'whole',
    })),
    expected: alwaysWhole,
  },
  {
    name: 'gzip',
    description: 'The body is compressed, though the request did not allow it.',
    play: streamed((stream) => ({
      head: streamHead([['Content-Encoding', 'gzip']]),
      pieces: [gzipSync(inOrder(stream).join(''))],
      end: 'whole',
    })),
    expected: failsBeforeCommit(502, 'upstream_protocol'),
  },
  {
    name: 'headers-100k',
    description: 'A head of 100 kB, then a healthy stream.',
    play: streamed((stream) => ({
      head: streamHead(
        Array.from(
          { length: headerCount },
          (_, index) => [`X-Wall-${index}`, 'w'.repeat(headerBytes)] as const,
        ),
      ),
      pieces: inOrder(stream),
      end: 'whole',
    })),
    expected: failsBeforeCommit(502, 'upstream_protocol'),
  },
  {
    name: 'trailer-flood',
    description: 'A healthy stream, then two megabytes of trailers and FIN.',
    play: streamed((stream) => ({
      framing: 'raw',
      pieces: [
        ...inOrder(stream).map(chunk),
        '0\r\n',
        ...Array.from(
          { length: trailerCount },
          (_, index) => `x-wall-${index}: ${'w'.repeat(headerBytes)}\r\n`,
        ),
      ],
      everyMs: 0,
      end: 'fin',
    })),
    // Nothing of the answer is missing, and a client need not read the trailers.
    expected: alwaysWhole,
  },
  {
    name: 'wrong-content-type',
    description: 'A healthy stream with the content type text/plain.',
    play: streamed((stream) => ({
      head: head('200 OK', [
        ['Content-Type', 'text/plain'],
        ['Transfer-Encoding', 'chunked'],
      ]),
      pieces: inOrder(stream),
      end: 'whole',
    })),
    // The events are whole, whatever the content type is.
    expected: alwaysWhole,
  },
  {
    name: 'http-1.0',
    description: 'HTTP/1.0: no chunks, the body ends with the connection.',
    play: streamed((stream) => ({
      head: head('200 OK', eventStreamHeaders, '1.0'),
      framing: 'raw',
      pieces: inOrder(stream),
      end: 'fin',
    })),
    expected: alwaysWhole,
  },
];

const heartbeats: Readonly<Record<string, string>> = {
  word: 'data: heartbeat\n\n',
  named: 'event: ping\ndata: ping\n\n',
  empty: 'data:\n\n',
};
const noObjects: Readonly<Record<string, string>> = {
  number: '17',
  text: '"text"',
  null: 'null',
  list: '[]',
};

function oneLineEnd(event: string, word: string, index: number, events: number): string {
  const one = event.slice(0, -1);
  switch (word) {
    case 'crlf':
      return `${event.slice(0, -2)}\r\n`;
    case 'some':
      return index % 2 === 0 ? one : event;
    case 'done':
      return index === events - 2 ? one : event;
    default:
      return one;
  }
}

function beforeEach(stream: HealthyStream, event: string): StreamPlan {
  return { pieces: inOrder(stream).flatMap((text) => [event, text]), end: 'whole' };
}

function rewritten(stream: HealthyStream, rewrite: (text: string) => string): StreamPlan {
  return { pieces: inOrder(stream).map(rewrite), end: 'whole' };
}
