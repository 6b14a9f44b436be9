import { describe, expect, it } from 'vitest';
import type { PostOutcome, PostSpans } from './post-spans.ts';
import { createSpanExporter, type ExporterLimits } from './span-exporter.ts';

const taken: PostOutcome = { type: 'taken', rejected: 0, reason: '' };

interface Posted {
  readonly spans: readonly string[];
  answer(outcome: PostOutcome): Promise<void>;
}

/** An exporter with a clock of its own; the test answers each request. */
function exporting(limits: Partial<ExporterLimits> = {}) {
  let nowMs = 0;
  const timers = new Set<{ readonly dueMs: number; readonly work: () => void }>();
  const posts: Posted[] = [];
  const lines: string[] = [];
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const post: PostSpans = (body, signal) =>
    new Promise((resolve) => {
      const answer = (outcome: PostOutcome) => {
        resolve(outcome);
        return turn();
      };
      signal.addEventListener('abort', () => void answer({ type: 'away', reason: 'stopped' }));
      posts.push({ spans: body === '' ? [] : body.split(' '), answer });
    });
  const note = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  const exporter = createSpanExporter({
    post,
    bodyOf: (spans) => spans.join(' '),
    log: { warn: note('warn'), info: note('info') },
    now: () => nowMs,
    random: () => 1,
    after(ms, work) {
      const timer = { dueMs: nowMs + ms, work };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    limits,
  });
  return {
    exporter,
    posts,
    lines,
    async pass(ms: number) {
      nowMs += ms;
      for (const timer of [...timers]) {
        if (timer.dueMs > nowMs || !timers.delete(timer)) continue;
        timer.work();
      }
      await turn();
    },
    last(): Posted {
      const posted = posts.at(-1);
      if (posted === undefined) throw new Error('nothing was posted');
      return posted;
    },
  };
}

describe('an exporter of spans', () => {
  it('sends what has come within a second in one request, and a whole batch at once', async () => {
    const { exporter, posts, pass, last } = exporting({ batch: 3 });
    exporter.add('a');
    await pass(900);
    exporter.add('b');
    expect(posts).toHaveLength(0);
    await pass(100);
    expect(last().spans).toEqual(['a', 'b']);
    await last().answer(taken);
    for (const span of ['c', 'd', 'e']) exporter.add(span);
    expect(last().spans).toEqual(['c', 'd', 'e']);
  });

  it('sends one request at a time, and after it what has come meanwhile', async () => {
    const { exporter, posts, pass, last } = exporting({ batch: 2 });
    for (const span of ['a', 'b', 'c', 'd', 'e']) exporter.add(span);
    expect(posts).toHaveLength(1);
    await last().answer(taken);
    expect(last().spans).toEqual(['c', 'd']);
    await last().answer(taken);
    expect(posts).toHaveLength(2);
    await pass(1_000);
    expect(last().spans).toEqual(['e']);
  });

  it('sends the same batch again to a collector that is away, after longer and longer waits', async () => {
    const { exporter, posts, pass, last, lines } = exporting();
    exporter.add('a');
    await pass(1_000);
    for (const waitMs of [500, 1_000, 2_000]) {
      await last().answer({ type: 'away', reason: 'ECONNREFUSED' });
      const before = posts.length;
      await pass(waitMs - 1);
      expect(posts).toHaveLength(before);
      await pass(1);
      expect(last().spans).toEqual(['a']);
    }
    await last().answer(taken);
    expect(exporter.dropped).toBe(0);
    // One line for the trouble, however often it was tried, and one for its end.
    expect(lines).toEqual([
      'warn: the collector does not take the spans of traces; requests go on without it {"reason":"ECONNREFUSED"}',
      'info: the collector takes spans again {"lost":0}',
    ]);
  });

  it('waits as long as the collector says', async () => {
    const { exporter, posts, pass, last } = exporting();
    exporter.add('a');
    await pass(1_000);
    await last().answer({ type: 'away', reason: 'status 429', retryAfterMs: 7_000 });
    await pass(6_999);
    expect(posts).toHaveLength(1);
    await pass(1);
    expect(posts).toHaveLength(2);
  });

  it('leaves the collector alone as long as it says, also with the batches after one that it gives up for that', async () => {
    const { exporter, posts, pass, last } = exporting({ batch: 2 });
    for (const span of ['a', 'b', 'c', 'd', 'e']) exporter.add(span);
    await last().answer({ type: 'away', reason: 'status 429', retryAfterMs: 60_000 });
    await pass(1_000);
    await last().answer({ type: 'away', reason: 'status 429', retryAfterMs: 60_000 });
    for (let passedMs = 0; passedMs < 120_000 && posts.length < 2; passedMs += 10_000) await pass(10_000);
    await last().answer({ type: 'away', reason: 'status 429', retryAfterMs: 60_000 });
    const before = posts.length;
    expect(exporter.dropped).toBeGreaterThan(0);
    exporter.add('f');
    await pass(59_000);
    expect(posts).toHaveLength(before);
    await pass(1_000);
    expect(posts).toHaveLength(before + 1);
    await last().answer(taken);
    expect(posts).toHaveLength(before + 2);
  });

  it('gives a batch up after a minute, and at once where it is refused', async () => {
    const { exporter, pass, last, posts } = exporting();
    exporter.add('a');
    await pass(1_000);
    for (let passedMs = 0; passedMs < 70_000 && exporter.dropped === 0; passedMs += 30_000) {
      await last().answer({ type: 'away', reason: 'status 503' });
      await pass(30_000);
    }
    await last().answer({ type: 'away', reason: 'status 503' });
    expect(exporter.dropped).toBe(1);
    exporter.add('b');
    const before = posts.length;
    await pass(1_000);
    await last().answer({ type: 'refused', reason: 'status 400' });
    await pass(60_000);
    expect(posts).toHaveLength(before + 1);
    expect(exporter.dropped).toBe(2);
  });

  it('holds a bounded number of spans and bytes while the collector hangs, counts the rest, and says so once', async () => {
    const { exporter, pass, lines } = exporting({ spans: 1_000, units: 50_000, batch: 100 });
    // As 10,000 requests a second for ten seconds.
    for (let at = 0; at < 100_000; at += 1) exporter.add('x'.repeat(10));
    expect(exporter.waiting).toBe(1_000);
    expect(exporter.dropped).toBe(100_000 - 100 - 1_000);
    await pass(1_000);
    expect(lines).toHaveLength(1);
    const large = exporting({ units: 50_000, batch: 1_000 });
    for (let at = 0; at < 100; at += 1) large.exporter.add('x'.repeat(1_000));
    expect(large.exporter.waiting).toBe(50);
  });

  it('counts what the collector rejects of a batch', async () => {
    const { exporter, pass, last, lines } = exporting();
    for (const span of ['a', 'b', 'c']) exporter.add(span);
    await pass(1_000);
    await last().answer({ type: 'taken', rejected: 2, reason: '' });
    expect(exporter.dropped).toBe(2);
    expect(lines).toHaveLength(1);
  });

  it('sends all that waits when it is closed', async () => {
    const { exporter, posts, last } = exporting({ batch: 2 });
    for (const span of ['a', 'b', 'c']) exporter.add(span);
    await last().answer(taken);
    const closed = exporter.close(2_000);
    await last().answer(taken);
    await closed;
    expect(posts.map(({ spans }) => spans)).toEqual([['a', 'b'], ['c']]);
    exporter.add('late');
    expect(posts).toHaveLength(2);
  });

  it.each([
    ['hangs', async () => {}],
    [
      'is away and was to be asked again much later',
      async (last: () => Posted) =>
        last().answer({ type: 'away', reason: 'status 503', retryAfterMs: 60_000 }),
    ],
  ])('does not hold the end up where the collector %s', async (_name, before) => {
    const { exporter, pass, last, lines } = exporting({ batch: 1 });
    for (const span of ['a', 'b', 'c']) exporter.add(span);
    await before(last);
    let closed = false;
    const closing = exporter.close(2_000).then(() => {
      closed = true;
    });
    await pass(1_999);
    expect(closed).toBe(false);
    await pass(1);
    await closing;
    expect(exporter.dropped).toBe(3);
    expect(lines.at(-1)).toBe('warn: spans of the last requests were lost {"spans":3}');
  });
});
