import { describe, expect, test } from 'vitest';
import type { GenerateMessage } from '../between/protocol.ts';
import { plainSampling } from '../child/fake-job.ts';
import { createCallStream } from './call-stream.ts';
import { type Call, createCalls } from './calls.ts';

const wish = (keyId: string, choices = 1, model = 'm'): Omit<GenerateMessage, 'id'> => ({
  type: 'generate',
  model,
  keyId,
  messages: [],
  tools: [],
  sampling: plainSampling,
  stop: [],
  choices,
  shape: { type: 'text' },
});

/** Two places a model, and a queue of four. */
function open(now = () => 0) {
  const calls = createCalls({ queue: 4, sequencesOf: () => 2, now });
  return {
    calls,
    /** Undefined where it is refused. The first two of a model run at once. */
    ask(keyId: string, choices = 1, model = 'm'): Call | undefined {
      const wanted = wish(keyId, choices, model);
      if (calls.refusal(wanted) !== undefined) return undefined;
      return calls.add(
        wanted,
        'c',
        createCallStream(() => {}),
        () => {},
      );
    },
    many(keyId: string, count: number): Call[] {
      return Array.from({ length: count }, () => this.ask(keyId)).filter((call) => call !== undefined);
    },
  };
}

describe('the engine’s queue', () => {
  test('the wait for a place and the reading of the prompt have a time each', () => {
    let nowMs = 5;
    const { ask, calls } = open(() => nowMs);
    const call = ask('a') as Call;
    nowMs = 105;
    calls.taken(call);
    nowMs = 135;
    expect(calls.phases(call)).toEqual({ queueMs: 100, promptMs: 30 });
  });

  test('one key takes the places and the queue, and no more', () => {
    const crowd = open();
    expect(crowd.many('a', 20).length).toBe(6);
    expect(crowd.calls.refusal(wish('a'))).toMatchObject({ code: 'overloaded' });
  });

  test('each choice takes a place: a request for three takes three', () => {
    const { ask, calls } = open();
    expect(ask('a', 3)).toBeDefined();
    expect(ask('a', 3)).toBeDefined();
    expect(calls.refusal(wish('a'))).toMatchObject({ code: 'overloaded' });
  });

  test('a choice that has finished frees its place', () => {
    const { ask, calls } = open();
    const first = ask('a', 3);
    ask('a', 3);
    if (first !== undefined) first.unfinished = 2;
    expect(calls.refusal(wish('a'))).toBeUndefined();
  });

  test('an idle model accepts any number of choices, also while others wait elsewhere', () => {
    const { ask } = open();
    expect(ask('a', 8)).toBeDefined();
    expect(ask('a', 1)).toBeUndefined();
    expect(ask('a', 8, 'other')).toBeDefined();
  });

  test('a full queue accepts another key up to its share, and at most twice its length in all', () => {
    const crowd = open();
    for (const call of crowd.many('a', 6).slice(0, 2)) crowd.calls.taken(call);
    // Two keys: two places each.
    expect(crowd.many('b', 9).length).toBe(2);
    // A third key's first request is always its share; its second would be beyond it: ceil(4 / 3) is 2.
    expect(crowd.many('c', 9).length).toBe(2);
    expect(crowd.many('d', 9).length).toBe(0);
    expect(crowd.calls.load()).toEqual({ running: 2, waiting: 8 });
  });

  test('a key that waits alone has no share beyond the queue', () => {
    const crowd = open();
    for (const call of crowd.many('a', 2)) crowd.calls.taken(call);
    expect(crowd.many('b', 9).length).toBe(4);
  });
});
