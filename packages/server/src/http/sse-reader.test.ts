import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { failure } from '../domain/failure.ts';
import { createTimerQueue } from '../timers/timer-queue.ts';
import { headersOf } from './head-headers.ts';
import { createSseReader, type SseReaderOptions } from './sse-reader.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A reader over a response whose socket keeps what it is written; `takes` says how much before it is full. */
function connection(
  settings: Partial<SseReaderOptions['settings']> = {},
  takes = 1024 * 1024,
  contentType = 'text/event-stream; charset=utf-8',
) {
  let written = '';
  let writes = 0;
  let takeMore = () => {};
  let full = 0;
  const socket = new Duplex({
    writableHighWaterMark: takes,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString('latin1');
      writes += 1;
      full += chunk.length;
      if (full < takes) done();
      else
        takeMore = () => {
          full = 0;
          done();
        };
    },
  });
  const request = new IncomingMessage(new Socket());
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  request.httpVersion = '1.1';
  const response = new ServerResponse(request);
  response.assignSocket(
    Object.assign(socket, {
      setTimeout: () => {},
      resetAndDestroy: () => socket.destroy(),
    }) as unknown as Socket,
  );
  const refused: string[] = [];
  const bugs: unknown[] = [];
  const gaps: number[] = [];
  const reader = createSseReader({
    response,
    clientWriteMs: 60_000,
    idsAfter: undefined,
    framing: {
      contentType,
      frame: (payload) => `data: ${payload}\n\n`,
      comment: ': keepalive\n\n',
    },
    settings: { keepalive: 'comment', keepaliveAfterMs: 10_000, holdHeadMs: 8_000, ...settings },
    owner: {
      headers: (head) => (head === undefined ? {} : headersOf(head)),
      refuse: (reason) => refused.push(reason.code),
      onBug: (error) => bugs.push(error),
    },
    now: () => performance.now(),
    timers: createTimerQueue(() => performance.now()),
    gaps: { note: (ms) => void gaps.push(ms) },
  });
  return {
    reader,
    refused,
    bugs,
    gaps,
    begin: () =>
      reader.begin({
        target: 'lab/m',
        phases: { queueMs: 12, promptMs: 340 },
        keepalive: () => '"alive"',
      }),
    takeMore: () => takeMore(),
    head: () => written.slice(0, written.indexOf('\r\n\r\n')),
    frames: () =>
      written
        .slice(written.indexOf('\r\n\r\n') + 4)
        .split(/\r\n/)
        .filter((line) => /^(data|:)/.test(line)),
    ended: () => written.endsWith('0\r\n\r\n'),
    writes: () => writes,
  };
}

const cut = failure('upstream_cut', 'It broke off.');

it('sends the head with the first event, with the target that serves and its times', () => {
  const { reader, begin, head, frames, ended } = connection();
  begin();
  expect(reader.event('1')).toBe(true);
  reader.end('[DONE]');
  expect(head()).toContain('tailrace-target: lab/m');
  expect(head()).toContain('server-timing: queue;dur=12, prompt;dur=340');
  expect(frames()).toEqual(['data: 1\n\n', 'data: [DONE]\n\n']);
  expect(ended()).toBe(true);
});

it('writes the head with the first event, and the end of the body with the last one, as one text each', () => {
  const { reader, begin, frames, ended, writes } = connection();
  begin();
  reader.event('1');
  expect(writes()).toBe(1);
  reader.event('2');
  reader.end('[DONE]');
  expect(writes()).toBe(3);
  expect(frames()).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: [DONE]\n\n']);
  expect(ended()).toBe(true);
});

it('sends the head when the hold time is over, and then fails inside the stream', async () => {
  const { reader, head, frames, refused } = connection();
  await vi.advanceTimersByTimeAsync(7_999);
  expect(head()).toBe('');
  await vi.advanceTimersByTimeAsync(1);
  expect(head()).toMatch(/^HTTP\/1.1 200 OK/);
  expect(head()).not.toContain('tailrace-target');
  reader.fail(cut, () => '"torn"');
  expect(frames()).toEqual(['data: "torn"\n\n']);
  expect(refused).toEqual([]);
});

it('names no target and no times in a head that left before the commit', async () => {
  const { reader, begin, head } = connection();
  await vi.advanceTimersByTimeAsync(8_000);
  begin();
  reader.event('1');
  reader.end('[DONE]');
  expect(head()).not.toMatch(/tailrace-target|server-timing/);
});

it('leaves a failure to its connection while no head has left', () => {
  const { reader, head, refused } = connection();
  reader.fail(cut, () => '"torn"');
  expect(refused).toEqual(['upstream_cut']);
  expect(head()).toBe('');
});

it('sends a comment after every ten seconds of silence', async () => {
  const { reader, begin, frames } = connection();
  begin();
  reader.event('1');
  await vi.advanceTimersByTimeAsync(25_000);
  reader.event('2');
  await vi.advanceTimersByTimeAsync(9_000);
  expect(frames()).toEqual(['data: 1\n\n', ': keepalive\n\n', ': keepalive\n\n', 'data: 2\n\n']);
  reader.end(undefined);
});

it('sends an event instead where that is configured, but only after the first event', async () => {
  const { reader, begin, frames } = connection({ keepalive: 'chunk' });
  await vi.advanceTimersByTimeAsync(11_000);
  begin();
  reader.event('1');
  await vi.advanceTimersByTimeAsync(11_000);
  expect(frames()).toEqual([': keepalive\n\n', 'data: 1\n\n', 'data: "alive"\n\n']);
  reader.end(undefined);
});

it('sends nothing in silence where keepalives are off', async () => {
  const { reader, begin, frames } = connection({ keepalive: 'off' });
  begin();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(frames()).toEqual([]);
  reader.end(undefined);
});

it('asks for a pause, sends no keepalive while the client is behind, and sends them again once it has caught up', async () => {
  const { reader, begin, frames, takeMore } = connection({}, 300);
  begin();
  takeMore();
  await vi.advanceTimersByTimeAsync(0);
  expect(reader.event('x'.repeat(400))).toBe(false);
  const drained = vi.fn();
  void reader.drained(new AbortController().signal).then(drained);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(frames()).toHaveLength(1);
  expect(drained).not.toHaveBeenCalled();
  takeMore();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(drained).toHaveBeenCalled();
  expect(frames().at(-1)).toBe(': keepalive\n\n');
  reader.end(undefined);
});

it('stops waiting for a client when its run is stopped', async () => {
  const { reader, begin } = connection({}, 100);
  begin();
  reader.event('x'.repeat(400));
  const controller = new AbortController();
  const drained = reader.drained(controller.signal);
  controller.abort();
  await drained;
  reader.abandon();
  expect(vi.getTimerCount()).toBe(0);
});

it('resets a connection where a timer finds a bug in the surface, and leaves no timer behind', () => {
  const { reader, begin, bugs } = connection();
  begin();
  const spoiled = connection({ keepalive: 'chunk' });
  spoiled.reader.begin({
    target: undefined,
    keepalive: () => {
      throw new Error('a bug of this surface');
    },
  });
  vi.advanceTimersByTime(10_000);
  expect([bugs.length, spoiled.bugs.length]).toEqual([0, 1]);
  reader.end(undefined);
  vi.advanceTimersByTime(60_000);
  expect(vi.getTimerCount()).toBe(0);
});

it('can still refuse where the head has a bug', () => {
  const { reader, refused } = connection({}, 1024, 'text/\nbroken');
  expect(() => reader.begin({ target: undefined, keepalive: () => undefined })).toThrow();
  reader.fail(failure('internal_error', 'A bug.'), () => '');
  expect(refused).toEqual(['internal_error']);
});

it('keeps several events back until the flush, and asks for a pause only then', () => {
  const { reader, begin, frames } = connection({}, 600);
  begin();
  reader.event('1');
  reader.gather?.();
  expect([reader.event('2'), reader.event('3')]).toEqual([true, true]);
  expect(frames()).toEqual(['data: 1\n\n']);
  expect(reader.flush?.()).toBe(true);
  expect(frames()).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
  reader.gather?.();
  reader.event('x'.repeat(700));
  expect(reader.flush?.()).toBe(false);
  reader.abandon();
});

it('writes what it has kept back before the end of the answer, or before its failure', () => {
  for (const last of ['end', 'fail'] as const) {
    const { reader, begin, frames, ended } = connection();
    begin();
    reader.gather?.();
    reader.event('1');
    reader.event('2');
    if (last === 'end') reader.end('3');
    else reader.fail(cut, () => '3');
    expect(frames()).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
    expect(ended()).toBe(true);
    expect(reader.flush?.()).toBe(true);
  }
});

it('counts the gaps between events, over keepalives, and none before the first one', () => {
  const { reader, begin, gaps, frames } = connection();
  vi.advanceTimersByTime(3_000);
  begin();
  reader.event('1');
  vi.advanceTimersByTime(40);
  reader.event('2');
  vi.advanceTimersByTime(12_000);
  reader.event('3');
  vi.advanceTimersByTime(70);
  reader.end('[DONE]');
  expect(frames()).toContain(': keepalive\n\n');
  expect(gaps).toEqual([40, 12_000, 70]);
});

it('counts one gap for events that are written together', () => {
  const { reader, begin, gaps } = connection();
  begin();
  reader.event('1');
  vi.advanceTimersByTime(50);
  reader.gather?.();
  reader.event('2');
  reader.event('3');
  reader.flush?.();
  vi.advanceTimersByTime(20);
  reader.event('4');
  expect(gaps).toEqual([50, 20]);
});
