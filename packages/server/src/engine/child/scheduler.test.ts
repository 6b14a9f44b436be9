import { describe, expect, test } from 'vitest';
import type { GenerationEvent } from '../between/protocol.ts';
import { toolSyntaxes } from '../between/tool-syntax.ts';
import { fakeJob, plainSampling } from './fake-job.ts';
import type { Job } from './job.ts';
import type { Sequence } from './model.ts';
import { createScheduler } from './scheduler.ts';

const end = 0;

/**
 * A model that writes the letters a, b, c … after any prompt and ends after `answer` of them. What it computes
 * is logged; with `held` set a computation waits until the test lets it go. A grammar that sets in begins the
 * letters anew; `slow` says how long the samples of a sequence take.
 */
function fake(
  options: {
    sequences?: number;
    answer?: number;
    rate?: number;
    slow?: [number, number];
    largestSlice?: number;
  } = {},
) {
  const log: string[] = [];
  const seeds: number[] = [];
  let gate: Promise<void> | undefined;
  let open: (() => void) | undefined;
  const failing = new Set<number>();
  const sequences = Array.from({ length: options.sequences ?? 2 }, (_, index): Sequence => {
    let held = 0;
    return {
      async keep(length) {
        log.push(`keep ${index}:${length}`);
        held = Math.min(held, length);
        return held;
      },
      async copy(from, length) {
        log.push(`copy ${index} from ${sequences.indexOf(from)}:${length}`);
        held = length;
        return held;
      },
      async read(tokens) {
        log.push(`read ${index}:${tokens.length}`);
        await gate;
        held += tokens.length;
      },
      write(token, { sampling: { seed } }) {
        let written = 0;
        seeds.push(seed);
        log.push(`write ${index} after ${token}`);
        return {
          async next(given) {
            log.push(given === undefined ? `next ${index}` : `given ${index}:${given}`);
            await gate;
            if (failing.delete(index)) throw new Error('decode failed');
            held++;
            if (given !== undefined) return { token: given };
            written++;
            const tookMs = options.slow?.[0] === index ? options.slow[1] : 1;
            return { token: written > (options.answer ?? 3) ? end : 96 + written, tookMs };
          },
          instead(token) {
            log.push(`instead ${index}:${token}`);
          },
          constrain() {
            written = 0;
            return true;
          },
          async end() {
            log.push(`end ${index}`);
          },
        };
      },
    };
  });
  const events: GenerationEvent[] = [];
  let clock = 0;
  const scheduler = createScheduler({
    model: {
      sequences,
      bytesOf: (token) => Uint8Array.of(token),
      controls: new Map(),
      endsAnswer: (token) => token === end,
      readingRate: options.rate ?? 1,
      largestSlice: options.largestSlice ?? 512,
    },
    emit: (batch) => events.push(...batch),
    beat: () => {},
    // Each look at the clock is a second: slices are slow, and so stay at their smallest.
    now: () => {
      clock += 1000;
      return clock;
    },
  });
  return {
    log,
    seeds,
    events,
    scheduler,
    failing,
    hold() {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    letGo() {
      gate = undefined;
      open?.();
    },
    of: (id: number) => events.filter((event) => event.id === id),
    text: (id: number) =>
      events.flatMap((event) => (event.type === 'text' && event.id === id ? [event.text] : [])).join(''),
    types: (id: number) => events.filter((event) => event.id === id).map((event) => event.type),
  };
}

function job(id: number, more: Partial<Job> = {}): Job {
  return fakeJob({ id, tokens: [1000 + id, 7, 8, 9], ...more });
}

/** Lets everything run that can run without a timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 300; turn++) await Promise.resolve();
}

describe('scheduler', () => {
  test('a job is taken, started, written, finished with exact counts, and ended', async () => {
    const { scheduler, of, text, types } = fake();
    scheduler.submit(job(1));
    await settle();
    expect(types(1)).toEqual(['taken', 'started', 'text', 'text', 'text', 'finished', 'ended']);
    expect(text(1)).toBe('abc');
    expect(of(1)[1]).toMatchObject({ promptTokens: 4, cachedTokens: 0 });
    // The token that ended the answer is counted: it was computed.
    expect(of(1)[5]).toMatchObject({ reason: 'stop', completionTokens: 4, reasoningTokens: 0 });
  });

  test('max_tokens ends with length, and the held-back beginning of a stop string leaves', async () => {
    const { scheduler, of, text } = fake({ answer: 10 });
    scheduler.submit(job(1, { maxTokens: 2, stop: ['bcd'] }));
    await settle();
    expect(text(1)).toBe('ab');
    expect(of(1)).toContainEqual({
      type: 'finished',
      id: 1,
      choice: 0,
      reason: 'length',
      completionTokens: 2,
      reasoningTokens: 0,
    });
  });

  test('a stop string that is complete with the last allowed token ends with stop', async () => {
    const { scheduler, of, text } = fake({ answer: 10 });
    scheduler.submit(job(1, { maxTokens: 3, stop: ['bc'] }));
    await settle();
    expect(text(1)).toBe('a');
    expect(of(1)).toContainEqual({
      type: 'finished',
      id: 1,
      choice: 0,
      reason: 'stop',
      completionTokens: 3,
      reasoningTokens: 0,
    });
  });

  test('a stop string that is found in what was held back when max_tokens is reached ends with stop', async () => {
    const { scheduler, of, text } = fake({ answer: 10 });
    const syntax = { ...toolSyntaxes.tagged, marker: 'bcx' };
    const shape = { type: 'calls', gbnf: 'g', forced: false } as const;
    scheduler.submit(job(1, { maxTokens: 3, stop: ['bc'], shape, syntax }));
    await settle();
    expect(text(1)).toBe('a');
    expect(of(1)).toContainEqual(expect.objectContaining({ type: 'finished', reason: 'stop' }));
  });

  test('jobs beyond the sequences wait in order, and an aborted one never runs', async () => {
    const { scheduler, events, types } = fake({ sequences: 1 });
    for (const id of [1, 2, 3]) scheduler.submit(job(id));
    scheduler.abort(2);
    await settle();
    expect(events.filter((event) => event.type === 'taken').map((event) => event.id)).toEqual([1, 3]);
    expect(types(2)).toEqual(['ended']);
  });

  test('writers are computed together, and a slice of prompt comes after each of their tokens', async () => {
    const { scheduler, log } = fake({ sequences: 2, answer: 4, rate: 0 });
    scheduler.submit(job(1));
    await Promise.resolve();
    scheduler.submit(job(2, { tokens: Array.from({ length: 26 }, (_, index) => index) }));
    await settle();
    const from = log.indexOf('next 0');
    expect(log.slice(from, from + 7)).toEqual([
      'next 0',
      'keep 1:0',
      'read 1:8',
      'next 0',
      'read 1:8',
      'next 0',
      'read 1:9',
    ]);
  });

  test('no slice is longer than the model takes, not for a single token either', async () => {
    const { scheduler, log } = fake({ rate: 1, largestSlice: 63 });
    scheduler.submit(job(1, { tokens: Array.from({ length: 65 }, (_, index) => index) }));
    await settle();
    expect(log.filter((line) => line.startsWith('read'))).toEqual(['read 0:62', 'read 0:2']);
  });

  test('no slice leaves a single token for the next one', async () => {
    for (let length = 3; length < 60; length++) {
      const { scheduler, log } = fake({ rate: 0 });
      scheduler.submit(job(1, { tokens: Array.from({ length }, (_, index) => index) }));
      await settle();
      const reads = log.filter((line) => line.startsWith('read')).map((line) => Number(line.split(':')[1]));
      expect(reads.reduce((sum, read) => sum + read, 0)).toBe(length - 1);
      for (const read of reads) expect(read).toBeGreaterThan(1);
    }
  });

  test('an abort while reading frees the place after the slice in hand, and reads no further', async () => {
    const run = fake({ sequences: 1, rate: 0 });
    run.hold();
    run.scheduler.submit(job(1, { tokens: Array.from({ length: 100 }, (_, index) => index) }));
    run.scheduler.submit(job(2));
    await settle();
    run.scheduler.abort(1);
    expect(run.types(1)).toEqual(['taken']);
    run.letGo();
    await settle();
    expect(run.types(1)).toEqual(['taken', 'ended']);
    expect(run.log.filter((line) => line.startsWith('read')).length).toBe(2);
    expect(run.types(2).at(-1)).toBe('ended');
  });

  test('an abort while writing frees the place after the token in hand, without another event', async () => {
    const run = fake({ answer: 1000 });
    run.scheduler.submit(job(1));
    while (!run.log.includes('next 0')) await Promise.resolve();
    run.hold();
    await settle();
    const before = run.types(1).length;
    run.scheduler.abort(1);
    run.letGo();
    await settle();
    expect(run.types(1).slice(before)).toEqual(['ended']);
    expect(run.log.at(-1)).toBe('end 0');
  });

  test('a writer that is not part of the computation in hand is freed at once', async () => {
    const run = fake({ answer: 1000, rate: 0 });
    run.scheduler.submit(job(1));
    while (!run.log.includes('next 0')) await Promise.resolve();
    run.scheduler.submit(job(2, { tokens: Array.from({ length: 100 }, (_, index) => index) }));
    while (!run.log.includes('keep 1:0')) await Promise.resolve();
    run.hold();
    await settle();
    expect(run.log.at(-1)).toMatch(/^read 1/);
    run.scheduler.abort(1);
    expect(run.types(1).at(-1)).toBe('ended');
    run.scheduler.abort(2);
    run.letGo();
    await settle();
    expect(run.types(2).at(-1)).toBe('ended');
  });

  test('a computation that fails ends that request only, and its state is not used again', async () => {
    const run = fake();
    run.failing.add(0);
    run.scheduler.submit(job(1));
    run.scheduler.submit(job(2));
    await settle();
    expect(run.of(1)).toContainEqual(
      expect.objectContaining({ type: 'failed', failure: expect.objectContaining({ code: 'upstream_cut' }) }),
    );
    expect(run.types(1).at(-1)).toBe('ended');
    expect(run.text(2)).toBe('abc');
    run.scheduler.submit(job(3, { tokens: job(1).tokens }));
    await settle();
    expect(run.of(3)).toContainEqual(expect.objectContaining({ type: 'started', cachedTokens: 0 }));
  });

  test('a second turn is read from where the first one ended', async () => {
    const run = fake();
    run.scheduler.submit(job(1));
    await settle();
    run.scheduler.submit(job(2, { tokens: [...job(1).tokens, 97, 98, 99, 50, 51, 52] }));
    await settle();
    expect(run.of(2)).toContainEqual(expect.objectContaining({ type: 'started', cachedTokens: 7 }));
  });

  test('a repeatable request reuses only what was read as a prompt, never what was written', async () => {
    const run = fake();
    run.scheduler.submit(job(1));
    await settle();
    run.scheduler.submit(
      job(2, {
        tokens: [...job(1).tokens, 97, 98, 99, 50, 51, 52],
        sampling: { ...plainSampling, repeatable: true },
      }),
    );
    await settle();
    expect(run.of(2)).toContainEqual(expect.objectContaining({ type: 'started', cachedTokens: 3 }));
  });

  test('several choices read one prompt: the others copy its state, have seeds of their own, and end the job', async () => {
    const run = fake({ sequences: 3, answer: 2 });
    const tokens = Array.from({ length: 40 }, (_, index) => index);
    run.scheduler.submit(job(1, { tokens, choices: 3 }));
    await settle();
    const read = run.log.flatMap((line) => (line.startsWith('read') ? [Number(line.split(':')[1])] : []));
    expect(read.reduce((sum, length) => sum + length, 0)).toBe(39);
    expect(run.log.filter((line) => line.startsWith('copy'))).toEqual([
      'copy 1 from 0:39',
      'copy 2 from 0:39',
    ]);
    expect(new Set(run.seeds).size).toBe(3);
    const finished = run.of(1).flatMap((event) => (event.type === 'finished' ? [event.choice] : []));
    expect(finished.toSorted()).toEqual([0, 1, 2]);
    expect(run.types(1).filter((type) => type === 'taken' || type === 'started').length).toBe(2);
    expect(run.types(1).filter((type) => type === 'ended').length).toBe(1);
    expect(run.types(1).at(-1)).toBe('ended');
  });

  test('more choices than sequences are written one after the other', async () => {
    const run = fake({ sequences: 1, answer: 2 });
    run.scheduler.submit(job(1, { choices: 3 }));
    run.scheduler.submit(job(2));
    await settle();
    expect(run.of(1).filter((event) => event.type === 'finished').length).toBe(3);
    expect(run.types(2).at(-1)).toBe('ended');
  });

  test('an abort ends every choice, also waiting ones, with one event', async () => {
    const run = fake({ sequences: 2, answer: 1000 });
    run.scheduler.submit(job(1, { choices: 4 }));
    while (!run.log.includes('next 1')) await Promise.resolve();
    run.hold();
    await settle();
    run.scheduler.abort(1);
    run.letGo();
    await settle();
    expect(run.types(1).filter((type) => type === 'ended').length).toBe(1);
    run.scheduler.submit(job(2, { maxTokens: 1 }));
    await settle();
    expect(run.types(2).at(-1)).toBe('ended');
  });

  test.each([0, 1])(
    'choice %i fails: so does the request, once, and every place is freed once',
    async (failing) => {
      const run = fake({ sequences: 2, answer: 1000 });
      run.scheduler.submit(job(1, { choices: 2 }));
      while (!run.log.includes('next 1')) await Promise.resolve();
      run.failing.add(failing);
      await settle();
      expect(run.log.filter((line) => line.startsWith('end')).toSorted()).toEqual(['end 0', 'end 1']);
      expect(run.types(1).filter((type) => type === 'failed').length).toBe(1);
      expect(run.types(1).at(-1)).toBe('ended');
      run.scheduler.submit(job(2, { maxTokens: 1 }));
      await settle();
      expect(run.types(2).at(-1)).toBe('ended');
    },
  );

  test('a prompt that begins like one in another sequence copies that much of its state', async () => {
    const run = fake({ sequences: 2, answer: 2 });
    const system = Array.from({ length: 30 }, (_, index) => index);
    run.scheduler.submit(job(1, { tokens: [...system, ...Array.from({ length: 60 }, () => 500)] }));
    await settle();
    run.scheduler.submit(job(2, { tokens: [...system, ...Array.from({ length: 9 }, () => 600)] }));
    await settle();
    expect(run.log).toContain('copy 1 from 0:30');
    expect(run.of(2)).toContainEqual(expect.objectContaining({ type: 'started', cachedTokens: 30 }));
  });

  test('keys take turns at the places, in any order and number of requests', async () => {
    const run = fake({ sequences: 1, answer: 1 });
    for (const id of [1, 2, 3]) run.scheduler.submit(job(id, { keyId: 'busy' }));
    run.scheduler.submit(job(4, { keyId: 'other' }));
    await settle();
    const order = run.events.flatMap((event) => (event.type === 'taken' ? [event.id] : []));
    expect(order).toEqual([1, 4, 2, 3]);
  });

  const tags = { open: '<think>', close: '</think>' };
  const thinking: Partial<Job> = {
    tags: [tags],
    opened: tags,
    closing: [...tags.close].map((letter) => letter.charCodeAt(0)),
    shape: { type: 'grammar', gbnf: 'g' },
  };

  test('a turn that ends inside opened thoughts before a required answer ends the thoughts only', async () => {
    const run = fake();
    run.scheduler.submit(job(1, thinking));
    await settle();
    const thoughts = run.of(1).flatMap((event) => (event.type === 'reasoning' ? [event.text] : []));
    expect(thoughts.join('')).toBe('abc');
    expect(run.text(1)).toBe('abc');
    // The closing tag stands in the place of the token that would have ended the turn: 3 + 8, then 3 and the end.
    expect(run.of(1)).toContainEqual(
      expect.objectContaining({
        type: 'finished',
        reason: 'stop',
        completionTokens: 15,
        reasoningTokens: 11,
      }),
    );
    expect(run.log.filter((line) => line.startsWith('instead'))).toEqual(['instead 0:60']);
    expect(run.log.filter((line) => line.startsWith('given')).length).toBe(7);
    // What the sequence holds is what was written, without the end of the turn in its middle.
    run.scheduler.submit(
      job(2, { tokens: [...job(1).tokens, 97, 98, 99, ...(thinking.closing ?? []), 97, 1] }),
    );
    await settle();
    expect(run.of(2)).toContainEqual(expect.objectContaining({ type: 'started', cachedTokens: 16 }));
  });

  test('a closing tag that max_tokens cuts ends with length, and one that closes nothing with a failure', async () => {
    const run = fake();
    run.scheduler.submit(job(1, { ...thinking, maxTokens: 6 }));
    await settle();
    expect(run.of(1)).toContainEqual(
      expect.objectContaining({ type: 'finished', reason: 'length', completionTokens: 6 }),
    );
    run.scheduler.submit(job(2, { ...thinking, closing: [] }));
    await settle();
    expect(run.of(2)).toContainEqual(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'upstream_protocol' }) }),
    );
    expect(run.types(2)).not.toContain('finished');
    expect(run.types(2).at(-1)).toBe('ended');
  });

  test('an answer without a grammar may end inside opened thoughts', async () => {
    const run = fake();
    run.scheduler.submit(job(1, { ...thinking, shape: { type: 'text' } }));
    await settle();
    expect(run.of(1)).toContainEqual(expect.objectContaining({ type: 'finished', reason: 'stop' }));
    expect(run.log.some((line) => line.startsWith('instead'))).toBe(false);
  });

  test('a sample that takes seconds because of a grammar ends its stream only, and names the field', async () => {
    const run = fake({ slow: [0, 2001] });
    run.scheduler.submit(job(1, { shape: { type: 'grammar', gbnf: 'g' } }));
    run.scheduler.submit(job(2, { shape: { type: 'grammar', gbnf: 'g' } }));
    await settle();
    expect(run.of(1)).toContainEqual({
      type: 'failed',
      id: 1,
      failure: expect.objectContaining({ code: 'invalid_value', param: 'response_format' }),
    });
    expect(run.types(1).at(-1)).toBe('ended');
    expect(run.text(2)).toBe('abc');
  });

  test('a sample that takes seconds without a grammar ends no stream', async () => {
    const run = fake({ slow: [0, 5000] });
    run.scheduler.submit(job(1));
    await settle();
    expect(run.text(1)).toBe('abc');
  });

  test('a stream that samples tokens without text sends signs of life', async () => {
    const run = fake({ answer: 0 });
    let clock = 0;
    const silent = createScheduler({
      model: {
        sequences: [
          {
            keep: async () => 0,
            read: async () => {},
            copy: async () => 0,
            write: () => ({
              next: async () => ({ token: 5 }),
              instead: () => {},
              constrain: () => true,
              end: async () => {},
            }),
          },
        ],
        bytesOf: () => new Uint8Array(0),
        controls: new Map(),
        endsAnswer: () => false,
        readingRate: 1,
        largestSlice: 512,
      },
      emit: (batch) => run.events.push(...batch),
      beat: () => {},
      now: () => {
        clock += 400;
        return clock;
      },
    });
    silent.submit(job(9, { maxTokens: 12 }));
    await settle();
    expect(run.of(9)).toContainEqual({ type: 'text', id: 9, choice: 0, text: '', tokens: 0 });
  });
});
