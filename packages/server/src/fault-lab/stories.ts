import type { AttemptMode, Health, TrackedRequest } from '../routing/health.ts';
import type { AttemptRecord } from '../routing/open-attempts.ts';
import type { UsageRecord } from '../storage/records.ts';
import { isLabModel } from './lab-prefix.ts';

/** How one answer of the lab came about, for as long as this process remembers it. */
export interface Stories {
  /** Notes a new answer. It has each of these names; its completion's id is one of them. */
  begin(names: readonly string[], keyId: string): OpenStory;
  /** Undefined for an unknown name, for one of another key, and for one that was forgotten. */
  find(name: string, keyId: string): Story | undefined;
}

export interface OpenStory {
  /** A health that notes each attempt. `attempts`: those of the answer so far; it is forgotten together with this health. */
  watch(health: Health, attempts: () => readonly AttemptRecord[]): Health;
}

export interface Story {
  /** False while a target is asked. */
  readonly ended: boolean;
  readonly attempts: readonly ToldAttempt[];
}

/** What only the process that has asked knows is null elsewhere: there the record of the answer tells. */
export interface ToldAttempt {
  readonly target: string;
  readonly outcome: string;
  readonly mode: AttemptMode | null;
  /** The code of its failure. */
  readonly failure: string | null;
  /** Milliseconds since the answer was begun. */
  readonly asked_ms: number | null;
  readonly ended_ms: number | null;
  /** Tokens of this attempt that the client has received. */
  readonly delivered_tokens: number | null;
}

/** Of a page that is open only the newest answers are looked at. An answer has one or two names. */
const mostNames = 200;

/** `now`: monotonic milliseconds. */
export function createStories(now: () => number): Stories {
  const kept = new Map<string, KeptStory>();
  // Two keys may give the same name.
  const placeOf = (name: string, keyId: string) => `${keyId} ${name}`;
  return {
    begin(names, keyId) {
      const story = new KeptStory(now);
      for (const name of names) kept.set(placeOf(name, keyId), story);
      for (const place of kept.keys()) {
        if (kept.size <= mostNames) break;
        kept.delete(place);
      }
      return {
        watch: (health, attempts) => ({
          ...health,
          begin(target, mode) {
            const tracked = health.begin(target, mode);
            return endingWith(tracked, story.began(attempts()));
          },
        }),
      };
    },
    find: (name, keyId) => kept.get(placeOf(name, keyId))?.read(),
  };
}

/** It holds the records of the attempts, but no source: that holds the request, whose body may have megabytes. */
class KeptStory {
  private attempts: readonly AttemptRecord[] = [];
  private readonly times: { askedMs: number; endedMs?: number }[] = [];
  private readonly beganMs: number;
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
    this.beganMs = now();
  }

  /** Notes an attempt, the last of `attempts`; the caller calls the result when it ends. */
  began(attempts: readonly AttemptRecord[]): () => void {
    this.attempts = attempts;
    const time: (typeof this.times)[number] = { askedMs: this.sinceBegin() };
    this.times.push(time);
    return () => {
      time.endedMs ??= this.sinceBegin();
    };
  }

  read(): Story {
    const attempts = this.attempts.map((attempt, index): ToldAttempt => {
      const { target, mode, outcome, failure, deliveredTokens } = attempt;
      return {
        target,
        mode,
        outcome,
        failure: failure?.code ?? null,
        asked_ms: this.times[index]?.askedMs ?? null,
        ended_ms: this.times[index]?.endedMs ?? null,
        delivered_tokens: deliveredTokens,
      };
    });
    return { ended: attempts.every(({ ended_ms: endedMs }) => endedMs !== null), attempts };
  }

  private sinceBegin(): number {
    return Math.round(this.now() - this.beganMs);
  }
}

/** What is stored of an answer; undefined where it is none of the lab. */
export function storyOfRecord({ model, status, attemptLog }: UsageRecord): Story | undefined {
  if (!isLabModel(model)) return undefined;
  const unknown = { mode: null, failure: null, asked_ms: null, ended_ms: null, delivered_tokens: null };
  return {
    ended: status !== 'open',
    attempts: attemptLog.map(({ target, outcome }) => ({ target, outcome, ...unknown })),
  };
}

function endingWith(tracked: TrackedRequest, ended: () => void): TrackedRequest {
  return {
    answered: () => tracked.answered(),
    succeeded: () => tracked.succeeded(),
    failed: () => tracked.failed(),
    countFailure: (code) => tracked.countFailure(code),
    committed: (afterMs) => tracked.committed(afterMs),
    end(outcome) {
      tracked.end(outcome);
      ended();
    },
  };
}
