/** The tests that every journal must pass. */
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { failure } from '../domain/failure.ts';
import type { Begun, Found, Journal, StreamFacts, StreamWriter } from './contract.ts';
import { collect, factsOf, followed, ownerOf } from './testing/stream-followers.ts';

/** A journal under test. */
export interface JournalHarness {
  open(limits?: Partial<HarnessLimits>): Promise<Journal>;
  /** Two journals with the same streams, as two replicas have; one and the same where there is one process only. */
  openTwo(limits?: Partial<HarnessLimits>): Promise<readonly [Journal, Journal]>;
  /** Lets milliseconds pass for the journals. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface HarnessLimits {
  readonly retentionMs: number;
  readonly perStreamBytes: number;
  readonly totalBytes: number;
}

const done = { type: 'whole', payload: '[DONE]' } as const;
const cut = failure('upstream_cut', 'It broke off.');

export function describeJournal(name: string, harness: JournalHarness): void {
  const begin = async (journal: Journal, more: Partial<StreamFacts> = {}): Promise<StreamWriter> => {
    const begun = await journal.begin(factsOf(more));
    if (begun.type !== 'begun') throw new Error(begun.type);
    return begun.writer;
  };
  const view = (found: Found | Begun | { readonly type: 'conflict' }) => {
    if (found.type === 'found' || found.type === 'exists') return found.view;
    throw new Error(found.type);
  };

  const head = { target: 'lab/m', phases: { queueMs: 12, promptMs: 340.5 } };

  describe(`the journal ${name}`, () => {
    afterAll(() => harness.close());

    test('gives each event to a follower in order, and then the ending', async () => {
      const journal = await harness.open();
      const writer = await begin(journal);
      const follower = collect(writer.view);
      writer.begin(head);
      for (const payload of ['a', 'b', 'c']) writer.event(payload);
      writer.end(done);
      await follower.ended();
      expect(follower.events).toEqual(['a', 'b', 'c']);
      expect(writer.view).toMatchObject({ head, first: 1, last: 4, ending: done });
    });

    test('has the same head on another replica', async () => {
      const [one, other] = await harness.openTwo();
      const writer = await begin(one);
      writer.begin(head);
      writer.event('a');
      writer.end(done);
      await collect(writer.view).ended();
      const elsewhere = view(await other.find(writer.view.facts.id));
      await collect(elsewhere).ended();
      expect(elsewhere.head).toEqual(head);
    });

    test('is read from every position, before, at and behind the end, here and on another replica', async () => {
      const [one, other] = await harness.openTwo();
      const writer = await begin(one);
      writer.begin({});
      const live = [0, 2, 5].map((after) => collect(writer.view, after));
      const elsewhere = [];
      for (const after of [0, 3]) {
        elsewhere.push(collect(view(await other.find(writer.view.facts.id)), after));
        writer.event(`{"n":${after}}`);
      }
      for (const payload of ['c', 'd', 'e']) writer.event(payload);
      writer.end({ type: 'torn', failure: cut, payload: '{"error":1}' });
      const all = ['{"n":0}', '{"n":3}', 'c', 'd', 'e'];
      for (const [follower, after] of [
        ...live.map((one, i) => [one, [0, 2, 5][i]] as const),
        ...elsewhere.map((one, i) => [one, [0, 3][i]] as const),
      ]) {
        await follower.ended();
        expect(follower.events).toEqual(all.slice(after));
        expect(follower.view.ending).toMatchObject({ type: 'torn', payload: '{"error":1}' });
      }
      for (let after = 0; after <= 6; after += 1) {
        const late = collect(view(await other.find(writer.view.facts.id)), after);
        await late.ended();
        expect(late.events).toEqual(all.slice(after));
        expect(late.view.last).toBe(6);
      }
    });

    test('shows a stream that has not committed, and one without events', async () => {
      const [one, other] = await harness.openTwo();
      const writer = await begin(one, { model: 'chat', stream: false });
      const found = view(await other.find(writer.view.facts.id));
      expect(found.facts).toEqual(writer.view.facts);
      expect(found).toMatchObject({ head: undefined, first: 1, last: 0, ending: undefined });
      const follower = collect(found);
      writer.begin({});
      writer.end({ type: 'whole', payload: '{"text":"ünï"}' });
      await follower.ended();
      expect(follower.view.ending).toEqual({ type: 'whole', payload: '{"text":"ünï"}' });
    });

    test('does not know a stream that never began', async () => {
      const journal = await harness.open();
      expect(await journal.find('chatcmpl-none')).toEqual({ type: 'unknown' });
      expect(await journal.findOnce({ keyId: 'k', key: 'none', fingerprint: 'f' })).toEqual({
        type: 'unknown',
      });
    });

    test('calls its followers once for several events between gather and flush', async () => {
      const journal = await harness.open();
      const writer = await begin(journal);
      writer.begin({});
      const follower = collect(writer.view);
      writer.gather();
      writer.event('a');
      writer.event('b');
      expect(follower.events).toEqual([]);
      writer.flush();
      writer.end(done);
      await follower.ended();
      expect(follower.events).toEqual(['a', 'b']);
    });

    test('begins one stream for one idempotency key, and refuses another request with it', async () => {
      const [one, other] = await harness.openTwo();
      const once = { keyId: 'k', key: `once ${Math.random()}`, fingerprint: 'f' };
      const begun = await one.begin(factsOf(), once);
      if (begun.type !== 'begun') throw new Error(begun.type);
      const { id } = begun.writer.view.facts;
      for (const journal of [one, other]) {
        const again = await journal.begin(factsOf(), once);
        expect(view(again).facts.id).toBe(id);
        expect(view(await journal.findOnce(once)).facts.id).toBe(id);
        const wrong = { ...once, fingerprint: 'another' };
        expect(await journal.begin(factsOf(), wrong)).toEqual({ type: 'conflict' });
        expect(await journal.findOnce(wrong)).toEqual({ type: 'conflict' });
      }
      const ofAnotherKey = await other.begin(factsOf(), { ...once, keyId: 'k2' });
      expect(ofAnotherKey.type).toBe('begun');
    });

    test('begins exactly one of many equal requests at once', async () => {
      const [one, other] = await harness.openTwo();
      const once = { keyId: 'k', key: `many ${Math.random()}`, fingerprint: 'f' };
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 ? one : other).begin(factsOf(), once)),
      );
      expect(all.filter(({ type }) => type === 'begun')).toHaveLength(1);
      expect(all.filter(({ type }) => type === 'exists')).toHaveLength(19);
    });

    test('forgets the idempotency key of a request that failed before output, and keeps that of one that failed after it', async () => {
      const journal = await harness.open();
      const torn = { type: 'torn', failure: cut, payload: '{}' } as const;
      for (const output of [false, true]) {
        const once = { keyId: 'k', key: `failed ${Math.random()}`, fingerprint: 'f' };
        const begun = await journal.begin(factsOf(), once);
        if (begun.type !== 'begun') throw new Error(begun.type);
        if (output) {
          begun.writer.begin({});
          begun.writer.event('a');
        }
        const follower = collect(begun.writer.view);
        begun.writer.end(torn);
        await follower.ended();
        await expect
          .poll(async () => (await journal.begin(factsOf(), once)).type)
          .toBe(output ? 'exists' : 'begun');
      }
    });

    test('keeps the idempotency key of the second try when the retention of the failed first one is over', async () => {
      const [one, other] = await harness.openTwo({ retentionMs: 2_000 });
      const once = { keyId: 'k', key: `tried ${Math.random()}`, fingerprint: 'f' };
      const first = await one.begin(factsOf(), once);
      if (first.type !== 'begun') throw new Error(first.type);
      first.writer.end({ type: 'torn', failure: cut, payload: '{}' });
      let second: Begun | undefined;
      await expect
        .poll(async () => {
          second = await other.begin(factsOf(), once);
          return second.type;
        })
        .toBe('begun');
      if (second?.type !== 'begun') throw new Error('no second try');
      second.writer.begin({});
      second.writer.event('a');
      await harness.pass(2_500);
      expect((await one.begin(factsOf(), once)).type).toBe('exists');
      second.writer.end(done);
    });

    test('ends those who wait for a request that is refused, and does not keep it', async () => {
      const [one, other] = await harness.openTwo();
      const once = { keyId: 'k', key: `refused ${Math.random()}`, fingerprint: 'f' };
      const begun = await one.begin(factsOf(), once);
      if (begun.type !== 'begun') throw new Error(begun.type);
      const waiting = collect(view(await other.begin(factsOf(), once)));
      const limited = failure('rate_limit_exceeded', 'Too many.', { retryAfterMs: 1_000 });
      begun.writer.discard(limited);
      await waiting.ended();
      expect(waiting.view.ending).toMatchObject({ type: 'torn', failure: limited });
      await expect.poll(async () => (await other.find(begun.writer.view.facts.id)).type).toBe('unknown');
      expect((await other.begin(factsOf(), once)).type).toBe('begun');
    });

    test('drops an ended stream, and leaves a running one', async () => {
      const [one, other] = await harness.openTwo();
      const writer = await begin(one);
      const { id } = writer.view.facts;
      writer.begin({});
      writer.event('a');
      await other.drop(id);
      expect((await other.find(id)).type).toBe('found');
      const follower = collect(writer.view);
      writer.end(done);
      await follower.ended();
      await other.drop(id);
      for (const journal of [one, other]) expect(await journal.find(id)).toEqual({ type: 'unknown' });
    });

    test('keeps an ended stream for its retention, and no longer', async () => {
      const [one, other] = await harness.openTwo({ retentionMs: 2_000 });
      const once = { keyId: 'k', key: `kept ${Math.random()}`, fingerprint: 'f' };
      const begun = await one.begin(factsOf(), once);
      if (begun.type !== 'begun') throw new Error(begun.type);
      const { writer } = begun;
      writer.begin({});
      writer.event('a');
      const follower = collect(writer.view);
      writer.end(done);
      await follower.ended();
      await harness.pass(500);
      expect((await other.find(writer.view.facts.id)).type).toBe('found');
      await harness.pass(2_000);
      expect(await other.find(writer.view.facts.id)).toEqual({ type: 'unknown' });
      expect(await one.find(writer.view.facts.id)).toEqual({ type: 'unknown' });
      expect((await other.begin(factsOf(), once)).type).toBe('begun');
    });

    test('drops the oldest events of a stream that is longer than its bound', async () => {
      const [one, other] = await harness.openTwo({ perStreamBytes: 200_000 });
      const writer = await begin(one);
      writer.begin({});
      const payload = (number: number) => `${number}${'x'.repeat(1_000)}`;
      for (let number = 1; number <= 1_000; number += 1) {
        writer.event(payload(number));
        if (number % 50 === 0) await new Promise(setImmediate);
      }
      const follower = collect(writer.view, 999);
      writer.end(done);
      await follower.ended();
      const found = view(await other.find(writer.view.facts.id));
      expect(found.last).toBe(1_001);
      expect(found.first).toBeGreaterThan(700);
      expect(found.first).toBeLessThan(900);
      const rest = collect(found, found.first - 1);
      await rest.ended();
      expect(rest.events[0]).toBe(payload(found.first));
      expect(rest.events).toHaveLength(1_001 - found.first);
    });

    test('tells its owner when the last reader has left and when one has come, here or elsewhere', async () => {
      const [one, other] = await harness.openTwo();
      const writer = await begin(one);
      const { owner, calls } = ownerOf();
      writer.own(owner);
      await expect.poll(() => calls).toEqual(['left']);
      const leave = writer.view.follow(followed);
      await expect.poll(() => calls).toEqual(['left', 'came']);
      leave();
      await expect.poll(() => calls).toEqual(['left', 'came', 'left']);
      const found = view(await other.find(writer.view.facts.id));
      const leaveAgain = found.follow(followed);
      onTestFinished(leaveAgain);
      await expect.poll(() => calls.at(-1), { timeout: 5_000 }).toBe('came');
      leaveAgain();
      await expect.poll(() => calls.at(-1), { timeout: 5_000 }).toBe('left');
      writer.end(done);
    });
  });
}
