import { beforeEach, expect, test } from 'vitest';
import type { LogFields } from '../telemetry/log.ts';
import { createLoadShed, type LoadShed, type MemoryUse, type ShedLimits } from './load-shed.ts';

let nowMs: number;
let running: number;
let memory: MemoryUse;
let limits: ShedLimits;
let tick: (() => void) | undefined;
let lines: string[];
let delays: number[];
let shed: LoadShed;

beforeEach(() => {
  nowMs = 1_000;
  running = 1;
  memory = { share: 0.1, of: 'the heap limit' };
  limits = { memory: 0.9, loopDelayMs: 200 };
  tick = undefined;
  lines = [];
  delays = [];
  const write = (message: string, fields?: LogFields) =>
    void lines.push(`${message}: ${Object.values(fields ?? {}).join()}`);
  shed = createLoadShed({
    limits: () => limits,
    running: () => running,
    memory: () => memory,
    now: () => nowMs,
    every: (_milliseconds, called) => {
      tick = called;
      return () => {
        tick = undefined;
      };
    },
    log: { warn: write, info: write },
    delays: { note: (lateMs) => void delays.push(lateMs) },
  });
});

/** Lets the time pass, with a timer that is late by so many milliseconds at each tick. */
function pass(milliseconds: number, lateMs = 0): void {
  for (const end = nowMs + milliseconds; nowMs < end; ) {
    nowMs += 20 + lateMs;
    tick?.();
  }
}

const begins = () => shed.refusal() === undefined;

test('a completion begins while nothing is measured yet, and while nothing is over its limit', () => {
  expect(begins()).toBe(true);
  pass(5_000, 150);
  expect(begins()).toBe(true);
  expect(lines).toEqual([]);
});

test('a completion is refused while the event loop is late, with a time to wait and the reason for the log', () => {
  begins();
  pass(1_000, 250);
  expect(shed.refusal()).toEqual({
    code: 'overloaded',
    message: 'This server has too much to do to begin another completion now.',
    retryAfterMs: 2_000,
    detail: 'the event loop is 250 ms late, and server.shed.loop_delay is 200 ms',
  });
});

test('one pause in an otherwise idle second is not enough, and one of a second is', () => {
  begins();
  pass(400);
  pass(1, 300);
  pass(1_000);
  expect(begins()).toBe(true);
  pass(1, 1_000);
  expect(begins()).toBe(false);
});

test('shedding ends two seconds after the delay has fallen to half of the limit', () => {
  begins();
  pass(1_000, 250);
  pass(10_000, 150);
  expect(begins()).toBe(false);
  pass(2_000, 80);
  expect(begins()).toBe(false);
  pass(1_200, 80);
  expect(begins()).toBe(true);
});

test('a completion is refused above the use of memory, until it has fallen by a tenth', () => {
  begins();
  memory = { share: 0.93, of: 'the heap limit' };
  pass(500);
  expect(shed.refusal()).toMatchObject({
    code: 'overloaded',
    detail: 'memory is at 93 % of the heap limit, and server.shed.memory is 90 %',
  });
  // As a heap that fills and is collected.
  for (const share of [0.82, 0.88, 0.8, 0.87, 0.92]) {
    memory = { share, of: 'the heap limit' };
    pass(1_000);
    expect(begins()).toBe(false);
  }
  memory = { share: 0.8, of: 'the heap limit' };
  pass(2_600);
  expect(begins()).toBe(true);
});

test('the log has one line when shedding begins and one when it ends, with the first reason', () => {
  begins();
  pass(3_000, 250);
  memory = { share: 0.95, of: 'the heap limit' };
  pass(3_000);
  for (let count = 0; count < 5; count += 1) expect(begins()).toBe(false);
  memory = { share: 0.2, of: 'the heap limit' };
  pass(3_000);
  const reason = 'the event loop is 250 ms late, and server.shed.loop_delay is 200 ms';
  expect(lines).toEqual([
    `new completions are refused: ${reason}`,
    `new completions are accepted again: ${reason}`,
  ]);
});

test('where no completion runs, one may begin in any case', () => {
  begins();
  pass(1_000, 500);
  expect(begins()).toBe(false);
  running = 0;
  expect(begins()).toBe(true);
});

test('each limit can be switched off, and a reload changes both', () => {
  limits = { memory: 'off', loopDelayMs: 200 };
  begins();
  memory = { share: 1, of: 'the heap limit' };
  pass(1_000);
  expect(begins()).toBe(true);
  limits = { memory: 0.9, loopDelayMs: 'off' };
  memory = { share: 0.5, of: 'the heap limit' };
  pass(1_000, 800);
  expect(begins()).toBe(true);
  limits = { memory: 0.4, loopDelayMs: 'off' };
  pass(1_000);
  expect(begins()).toBe(false);
});

test('nothing is measured where both are off, before the first completion, and some time after the last one', () => {
  limits = { memory: 'off', loopDelayMs: 'off' };
  begins();
  expect(tick).toBeUndefined();
  limits = { memory: 0.9, loopDelayMs: 200 };
  begins();
  pass(60_000);
  expect(tick).toBeDefined();
  running = 0;
  pass(6_000);
  expect(tick).toBeUndefined();
  nowMs += 3_600_000;
  running = 1;
  begins();
  pass(1_000);
  // The hour without a tick is no delay.
  expect(begins()).toBe(true);
});

test('the delay of the loop is noted once for each 20 ms, so that a long pause counts by its length', () => {
  begins();
  pass(40);
  pass(20, 50);
  expect(delays).toEqual([0, 0, 50, 30, 10]);
});
