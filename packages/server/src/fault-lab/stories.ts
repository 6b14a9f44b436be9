import type { AttemptMode, Health, TrackedRequest } from '../routing/health.ts';
import type { Source } from '../routing/source.ts';
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
  /** The source of the answer, whose attempts are told. */
  tell(source: Pick<Source, 'attempts'>): void;
  /** A health that notes when each attempt begins and ends. */
  watch(health: Health): Health;
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
  const kept = new Map<string, { readonly keyId: string; read(): Story }>();
  return {
    begin(names, keyId) {
      const beganMs = now();
      const times: { askedMs: number; endedMs?: number }[] = [];
      let source: Pick<Source, 'attempts'> | undefined;
      const read = (): Story => {
        const attempts = (source?.attempts() ?? []).map((attempt, index): ToldAttempt => {
          const { target, mode, outcome, failure, deliveredTokens } = attempt;
          return {
            target,
            mode,
            outcome,
            failure: failure?.code ?? null,
            asked_ms: times[index]?.askedMs ?? null,
            ended_ms: times[index]?.endedMs ?? null,
            delivered_tokens: deliveredTokens,
          };
        });
        return { ended: attempts.every(({ ended_ms: endedMs }) => endedMs !== null), attempts };
      };
      for (const name of names) kept.set(name, { keyId, read });
      for (const name of kept.keys()) {
        if (kept.size <= mostNames) break;
        kept.delete(name);
      }
      return {
        tell(told) {
          source = told;
        },
        watch: (health) => ({
          ...health,
          begin(target, mode) {
            const time: (typeof times)[number] = { askedMs: Math.round(now() - beganMs) };
            times.push(time);
            return endingWith(health.begin(target, mode), () => {
              time.endedMs ??= Math.round(now() - beganMs);
            });
          },
        }),
      };
    },
    find(name, keyId) {
      const story = kept.get(name);
      return story?.keyId === keyId ? story.read() : undefined;
    },
  };
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
    countFailure: () => tracked.countFailure(),
    end() {
      tracked.end();
      ended();
    },
  };
}
