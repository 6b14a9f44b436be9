import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decodeJsonText, jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import {
  createDelivered,
  createPrefixJoint,
  createReplayJoint,
  createSpentJoint,
  type Joint,
} from './delivered.ts';

const text = (words: string): StreamEvent => ({ type: 'text-delta', choice: 0, json: jsonText(words) });
const thought = (words: string): StreamEvent => ({
  type: 'reasoning-delta',
  choice: 0,
  json: jsonText(words),
});
const finish: StreamEvent = { type: 'finish', choice: 0, reason: 'stop' };

function seen(...events: readonly StreamEvent[]) {
  const delivered = createDelivered();
  for (const event of events) delivered.add(event);
  return delivered;
}

/** What a joint lets through of these batches, as text, or why it does not. */
function pass(joint: Joint, batches: readonly EventBatch[]): string {
  let joined = '';
  for (const batch of batches) {
    const outcome = joint(batch);
    if (outcome.type !== 'events') return outcome.type;
    for (const event of outcome.batch) {
      if (event.type === 'text-delta' || event.type === 'reasoning-delta')
        joined += decodeJsonText(event.json);
      if (event.type === 'finish') joined += '.';
    }
  }
  return joined;
}

const pieces = (whole: string, at: readonly number[]): string[] => {
  const cuts = [0, ...at.map((n) => n % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => whole.slice(cuts[index], end));
};

describe('a replay', () => {
  it('is passed on from where it has reproduced the delivered text, however either was cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (whole, cut, firstCuts, secondCuts) => {
          const delivered = whole.slice(0, cut % (whole.length + 1));
          const joint = createReplayJoint(seen(...pieces(delivered, firstCuts).map(text)));
          const rest = pass(joint, [...pieces(whole, secondCuts).map((piece) => [text(piece)]), [finish]]);
          expect(rest).toBe(`${whole.slice(delivered.length)}.`);
        },
      ),
    );
  });

  it.each<[string, EventBatch]>([
    ['says something else', [text('Hellx')]],
    ['ends before the delivered text does', [text('Hel'), finish]],
    ['begins a tool call instead', [{ type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' }]],
  ])('that %s has diverged', (_, batch) => {
    expect(pass(createReplayJoint(seen(text('Hello'))), [batch])).toBe('diverged');
  });

  it('repeats the reasoning too, and may go on with it while there was no answer yet', () => {
    const inside = createReplayJoint(seen(thought('let me th')));
    expect(pass(inside, [[thought('let me')], [thought(' think')], [text('42')], [finish]])).toBe('ink42.');
    const behind = createReplayJoint(seen(thought('hm'), text('4')));
    expect(pass(behind, [[thought('hm')], [text('42')], [finish]])).toBe('2.');
    expect(pass(createReplayJoint(seen(thought('hm'), text('4'))), [[thought('hm, well')]])).toBe('diverged');
  });
});

describe('a prefix that is gone on with', () => {
  it('loses and repeats nothing where no stop string is in play', () => {
    expect(pass(createPrefixJoint(seen(text('Hel')), []), [[text('lo')], [finish]])).toBe('lo.');
    expect(pass(createPrefixJoint(seen(text('Hel')), ['END']), [[text('lo')], [finish]])).toBe('lo.');
  });

  it.each([[['ND']], [['N', 'D']], [['N', 'D', ' more']]])(
    'finds a stop string across the joint, in pieces %j',
    (words) => {
      const joint = createPrefixJoint(seen(text('the E')), ['END']);
      expect(
        pass(
          joint,
          words.map((word) => [text(word)]),
        ),
      ).toBe('stopped');
    },
  );

  it('holds no more than it must, and lets go what did not become a stop string', () => {
    const joint = createPrefixJoint(seen(text('the E')), ['END']);
    expect(pass(joint, [[text('N')]])).toBe('');
    expect(pass(joint, [[text('GLISH')], [text(' END')]])).toBe('NGLISH END');
    expect(pass(createPrefixJoint(seen(text('the E')), ['END']), [[text('N')], [finish]])).toBe('N.');
  });
});

describe('a stop string that begins before the joint', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });

  it('is found where it ends, whatever the texts and their cuts', () => {
    fc.assert(
      fc.property(
        letters,
        letters,
        fc.array(
          letters.filter((stop) => stop !== ''),
          { minLength: 1, maxLength: 3 },
        ),
        fc.array(fc.nat(), { maxLength: 6 }),
        (old, fresh, stops, cuts) => {
          const across = stops.some((stop) =>
            Array.from({ length: old.length }, (_, at) => at).some(
              (at) => at + stop.length > old.length && (old + fresh).startsWith(stop, at),
            ),
          );
          const batches = [...pieces(fresh, cuts).map((piece) => [text(piece)]), [finish]];
          const outcome = pass(createPrefixJoint(seen(text(old)), stops), batches);
          expect(outcome).toBe(across ? 'stopped' : `${fresh}.`);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('costs a step a character, however much of it there already is', () => {
    // Compared anew with each piece, this is some 10^11 steps.
    const joint = createPrefixJoint(
      seen(text('a'.repeat(4_096))),
      Array.from({ length: 4 }, () => `${'a'.repeat(4_095)}b`),
    );
    const outcomes = Array.from({ length: 20_000 }, () => joint([text('a'), thought('hm')]));
    const passed = outcomes.flatMap((outcome) => (outcome.type === 'events' ? outcome.batch : []));
    expect(passed.filter(({ type }) => type === 'text-delta')).toHaveLength(20_000);
  });

  it('is waited for behind no more than so many events without text', () => {
    const joint = createPrefixJoint(seen(text('the E')), ['END']);
    const batches = Array.from({ length: 2_000 }, () => joint([text('')]));
    const passed = batches.flatMap((outcome) => (outcome.type === 'events' ? outcome.batch : []));
    expect(passed).toHaveLength(2_000);
  });
});

describe('what was delivered', () => {
  it('cannot be resumed once a tool call has begun', () => {
    expect(
      seen(text('a'), { type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' }).resumable,
    ).toBe(false);
  });
});

describe('the joint of a replay that ends in a stop string', () => {
  it.each<[string, readonly string[], EventBatch, string]>([
    ['is over where the old answer had begun to say it', ['river'], [text('The '), finish], 'stopped'],
    ['diverges where the old answer said something else', ['lake'], [text('The '), finish], 'diverged'],
    ['diverges where the old answer had said it whole', ['ri'], [text('The '), finish], 'diverged'],
    [
      'diverges where the replay ended at its length',
      ['river'],
      [text('The '), { type: 'finish', choice: 0, reason: 'length' }],
      'diverged',
    ],
  ])('%s', (_, stops, batch, outcome) => {
    expect(pass(createReplayJoint(seen(text('The ri')), stops), [batch])).toBe(outcome);
  });
});

describe('the joint behind an answer that is as long as it may be', () => {
  it.each<[string, readonly EventBatch[], string]>([
    ['lets nothing new through', [[text('')], [text('more')], [finish]], 'spent'],
    ['lets the end through where there was no more to say', [[text('')], [finish]], '.'],
  ])('%s', (_, batches, outcome) => {
    expect(pass(createSpentJoint(), batches)).toBe(outcome);
  });
});

describe('what was delivered', () => {
  it('is remembered in order, however many pieces of either kind there were', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.string()), { maxLength: 400, size: 'max' }),
        (pieces) => {
          const delivered = seen(...pieces.map(([thinks, said]) => (thinks ? thought(said) : text(said))));
          const of = (kind: boolean) =>
            pieces.map(([thinks, said]) => (thinks === kind ? said : '')).join('');
          expect([delivered.text, delivered.reasoning]).toEqual([of(false), of(true)]);
        },
      ),
    );
  });

  it('does not keep alive the reads that it was cut from', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const delivered = createDelivered();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let piece = 0; piece < 20_000; piece += 1) {
      const read = Buffer.alloc(1_000, 'a').toString('latin1');
      delivered.addText({ type: 'text-delta', choice: 0, json: jsonText(read.slice(500, 520)) });
    }
    collect();
    // The reads are 20 MB, the text is 0.4.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024);
    expect(delivered.text).toHaveLength(400_000);
  });
});
