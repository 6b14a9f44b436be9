import { decodeJsonText, jsonText } from '@tailrace/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import { roundsOf } from '../testing/suite-part.ts';
import { createDelivered } from './delivered.ts';
import { createFullLengthJoint, createPrefixJoint, createReplayJoint, type Joint } from './joints.ts';

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

/** The text of what a joint passes on of these batches (`.` for a finish), or its other outcome. */
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

describe('the joint of a replay', () => {
  it('passes on what follows the delivered text, wherever either answer was divided into deltas', () => {
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
    ['has other text', [text('Hellx')]],
    ['ends before the delivered text does', [text('Hel'), finish]],
    ['begins a tool call instead', [{ type: 'tool-call-start', choice: 0, index: 0, id: 'c', name: 'f' }]],
  ])('reports a replay that %s as diverged', (_, batch) => {
    expect(pass(createReplayJoint(seen(text('Hello'))), [batch])).toBe('diverged');
  });

  it('skips delivered reasoning, and passes on more of it only where no answer text was delivered', () => {
    const inside = createReplayJoint(seen(thought('let me th')));
    expect(pass(inside, [[thought('let me')], [thought(' think')], [text('42')], [finish]])).toBe('ink42.');
    const afterReasoning = createReplayJoint(seen(thought('hm'), text('4')));
    expect(pass(afterReasoning, [[thought('hm')], [text('42')], [finish]])).toBe('2.');
    expect(pass(createReplayJoint(seen(thought('hm'), text('4'))), [[thought('hm, well')]])).toBe('diverged');
  });

  it('passes on reasoning and other output after the delivered text, and diverges where they come inside it', () => {
    const image: StreamEvent = { type: 'other-delta', choice: 0, field: 'images', value: '[1]' };
    const joint = () => createReplayJoint(seen(thought('hm'), text('42')));
    expect(pass(joint(), [[thought('hm'), text('42')], [thought('late')], [text('!'), finish]])).toBe(
      'late!.',
    );
    expect(pass(joint(), [[thought('hm'), text('4')], [thought('late')]])).toBe('diverged');
    expect(pass(joint(), [[thought('hm'), text('4'), image]])).toBe('diverged');
    expect(joint()([thought('hm'), text('42'), image])).toEqual({ type: 'events', batch: [image] });
  });
});

describe('the joint of a prefix', () => {
  it('passes every event on where no stop string can cross the joint', () => {
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

  it('holds text only while a stop string may end in it, and then passes it on', () => {
    const joint = createPrefixJoint(seen(text('the E')), ['END']);
    expect(pass(joint, [[text('N')]])).toBe('');
    expect(pass(joint, [[text('GLISH')], [text(' END')]])).toBe('NGLISH END');
    expect(pass(createPrefixJoint(seen(text('the E')), ['END']), [[text('N')], [finish]])).toBe('N.');
  });
});

describe('a stop string that begins in the delivered text', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });

  it('is found in the new text, wherever the texts were divided', () => {
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
      { numRuns: roundsOf(2_000, 400) },
    );
  });

  it('costs one step a character, however much of it has been matched', () => {
    // Compared anew with each piece, this is some 10^11 steps.
    const joint = createPrefixJoint(
      seen(text('a'.repeat(4_096))),
      Array.from({ length: 4 }, () => `${'a'.repeat(4_095)}b`),
    );
    const outcomes = Array.from({ length: 20_000 }, () => joint([text('a'), thought('hm')]));
    const passed = outcomes.flatMap((outcome) => (outcome.type === 'events' ? outcome.batch : []));
    expect(passed.filter(({ type }) => type === 'text-delta')).toHaveLength(20_000);
  });

  it('is not waited for after more than 1,024 events without text', () => {
    const joint = createPrefixJoint(seen(text('the E')), ['END']);
    const batches = Array.from({ length: 2_000 }, () => joint([text('')]));
    const passed = batches.flatMap((outcome) => (outcome.type === 'events' ? outcome.batch : []));
    expect(passed).toHaveLength(2_000);
  });
});

describe('the joint of a replay that ends before the delivered text does', () => {
  it.each<[string, readonly string[], EventBatch, string]>([
    [
      'ends the answer where the missing text begins a stop string',
      ['river'],
      [text('The '), finish],
      'stopped',
    ],
    ['diverges where the missing text begins no stop string', ['lake'], [text('The '), finish], 'diverged'],
    ['diverges where the missing text is a whole stop string', ['ri'], [text('The '), finish], 'diverged'],
    [
      'diverges where the replay ended at max_tokens',
      ['river'],
      [text('The '), { type: 'finish', choice: 0, reason: 'length' }],
      'diverged',
    ],
  ])('%s', (_, stops, batch, outcome) => {
    expect(pass(createReplayJoint(seen(text('The ri')), stops), [batch])).toBe(outcome);
  });
});

describe('the joint of an answer that has reached max_tokens', () => {
  it.each<[string, readonly EventBatch[], string]>([
    ['passes on no new text', [[text('')], [text('more')], [finish]], 'length'],
    ['passes on the finish of a target that has no more text', [[text('')], [finish]], '.'],
  ])('%s', (_, batches, outcome) => {
    expect(pass(createFullLengthJoint(), batches)).toBe(outcome);
  });
});
