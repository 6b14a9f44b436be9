import { jsonText } from '@tailrace/protocol';
import type { BatchReceiver } from '../../packages/server/src/domain/batches.ts';
import { estimatePromptTokens } from '../../packages/server/src/domain/estimate-tokens.ts';
import { failure } from '../../packages/server/src/domain/failure.ts';
import { features } from '../../packages/server/src/domain/requirements.ts';
import type { EventBatch, StreamEvent } from '../../packages/server/src/domain/stream-event.ts';
import type { EventStream, Upstream, UpstreamCall } from '../../packages/server/src/upstreams/contract.ts';
import type { Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import type { Mortal } from './mortal.ts';
import type { VirtualTime } from './virtual-time.ts';

/*
 * The scripted upstreams of the simulation, and the book of what they have produced: the only witness of the truth that no
 * process of ours can change. An answer to a request is ` w0 w1 w2 …`, one token a word, the same from every target; so a replay
 * repeats it and a prefix says where it continues.
 */

/** What was produced for one completion, by all targets together. */
export interface Produced {
  readonly id: string;
  /** Words of the whole answer: what a finished one has. */
  readonly words: number;
  /** The prompt, as every target that reports a usage counts it. */
  readonly promptTokens: number;
  /** What the server estimates where no target reports it. */
  readonly estimatedPrompt: number;
  /** Words that some target has handed over. */
  emitted: number;
  calls: number;
  /** A target has handed over a finish. */
  finished: boolean;
}

export interface Book {
  readonly produced: ReadonlyMap<string, Produced>;
}

interface BookWriter extends Book {
  readonly produced: Map<string, Produced>;
}

/** How one call goes. `at`: after so many words. */
type Fate =
  | { readonly type: 'whole' }
  | { readonly type: 'refuse' | 'cut' | 'hang' | 'end'; readonly at: number };

export function createBook(): Book {
  return { produced: new Map() };
}

export interface UpstreamParts {
  readonly name: string;
  readonly book: Book;
  readonly time: VirtualTime;
  readonly dice: Dice;
  /** The process that calls: with it its connections end. */
  readonly mortal: Mortal;
  /** A target was called. */
  readonly onCall: (id: string) => void;
}

export function producingUpstream({ name, book, time, dice, mortal, onCall }: UpstreamParts): Upstream {
  const { produced } = book as BookWriter;

  function entryOf({ request, completionId }: UpstreamCall): Produced {
    const estimatedPrompt = estimatePromptTokens(request);
    const known = produced.get(completionId);
    const entry = known ?? {
      id: completionId,
      words: Math.min(request.maxTokens ?? Infinity, dice.chance(0.1) ? 200 : 1 + dice.below(40)),
      promptTokens: estimatedPrompt + 3,
      estimatedPrompt,
      emitted: 0,
      calls: 0,
      finished: false,
    };
    produced.set(completionId, entry);
    return entry;
  }

  function fateOf(words: number): Fate {
    if (dice.chance(0.65)) return { type: 'whole' };
    const type = dice.pick(['refuse', 'cut', 'cut', 'hang', 'end'] as const);
    return { type, at: type === 'refuse' ? 0 : dice.below(words + 1) };
  }

  return {
    name,
    firstTokenClock: 'call',
    capabilities: () => new Set(features),
    contextLength: () => undefined,
    takeover: () => (name === 'second' ? 'prefix' : undefined),
    open(call, signal) {
      mortal.effect();
      if (mortal.dead) return silent;
      onCall(call.completionId);
      const entry = entryOf(call);
      entry.calls += 1;
      const prefix = call.prefix === undefined ? 0 : call.prefix.split(' ').length - 1;
      const answer = new ProducedAnswer({ time, dice, mortal, entry, fate: fateOf(entry.words), prefix });
      signal.addEventListener('abort', () => void answer.close());
      return answer;
    },
  };
}

const silent: EventStream = { pull: () => {}, close: async () => {} };

interface AnswerParts extends Pick<UpstreamParts, 'time' | 'dice' | 'mortal'> {
  readonly entry: Produced;
  readonly fate: Fate;
  /** Words that the client has already. */
  readonly prefix: number;
}

class ProducedAnswer implements EventStream {
  private readonly parts: AnswerParts;
  private readonly gapMs: number;
  private readonly reportsUsage: boolean;
  private readonly atOnce: number;
  private next: number;
  private started = false;
  private over = false;
  private receiver: BatchReceiver | undefined;

  constructor(parts: AnswerParts) {
    const { dice } = parts;
    this.parts = parts;
    this.next = parts.prefix;
    this.gapMs = dice.pick([0, 1, 20, 100, 1_500]);
    this.atOnce = dice.pick([1, 1, 3]);
    this.reportsUsage = dice.chance(0.7);
  }

  pull(receiver: BatchReceiver): void {
    if (this.over) {
      receiver.end();
      return;
    }
    this.receiver = receiver;
    if (this.gapMs === 0) this.make();
    else this.parts.time.after(this.gapMs, () => this.make());
  }

  async close(): Promise<void> {
    this.over = true;
    this.take()?.end();
  }

  private make(): void {
    const { mortal } = this.parts;
    mortal.effect();
    if (mortal.dead || this.over) return;
    const { fate, entry } = this.parts;
    const broken = fate.type !== 'whole' && this.next >= fate.at;
    if (broken) this.break(fate.type);
    else if (this.next < entry.words) this.words();
    else this.finish();
  }

  private words(): void {
    const { entry, fate } = this.parts;
    const last = fate.type === 'whole' ? entry.words : fate.at;
    const events: StreamEvent[] = [];
    if (!this.started) events.push({ type: 'start' });
    this.started = true;
    for (let left = this.atOnce; left > 0 && this.next < last; left -= 1) {
      events.push({ type: 'text-delta', choice: 0, json: jsonText(` w${this.next}`) });
      this.next += 1;
    }
    entry.emitted = Math.max(entry.emitted, this.next);
    this.hand(events);
  }

  private finish(): void {
    const { entry, prefix } = this.parts;
    entry.finished = true;
    const usage: StreamEvent = {
      type: 'usage',
      usage: { promptTokens: entry.promptTokens + prefix, completionTokens: entry.words - prefix },
    };
    this.over = true;
    this.hand([...(this.reportsUsage ? [usage] : []), { type: 'finish', choice: 0, reason: 'stop' }]);
  }

  private break(how: Exclude<Fate['type'], 'whole'>): void {
    if (how === 'hang') return;
    this.over = true;
    if (how === 'end') this.take()?.end();
    else if (how === 'refuse')
      this.hand([{ type: 'failed', failure: failure('upstream_protocol', 'It failed.') }]);
    else this.hand([{ type: 'failed', failure: failure('upstream_cut', 'Cut.') }]);
  }

  private hand(batch: EventBatch): void {
    this.take()?.batch(batch);
  }

  private take(): BatchReceiver | undefined {
    const { receiver } = this;
    this.receiver = undefined;
    return receiver;
  }
}
