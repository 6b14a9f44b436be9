import type { RetryConfig, TimeoutsConfig, UpstreamConfig } from '../config/config.ts';
import type { ChatRequest } from '../domain/chat-request.ts';
import { isObject } from '../domain/json.ts';
import type { UnlistedModel, UnlistedModels } from '../http/unlisted-models.ts';
import { createAffinity } from '../routing/affinity.ts';
import { createCatalogue } from '../routing/catalogue.ts';
import { createHealth } from '../routing/health.ts';
import { createRouter, type Router } from '../routing/router.ts';
import type { Source } from '../routing/source.ts';
import type { TimerQueue } from '../timers/timer-queue.ts';
import { type CreatedUpstreams, createUpstreams } from '../upstreams/registry.ts';
import type { Wall } from '../wall/wall.ts';
import type { FaultGroupJson } from './fault-json.ts';
import { labPrefix } from './lab-prefix.ts';
import { createStories, type Story } from './stories.ts';

/**
 * The fault lab: models whose first target is a fault wall in this process. Each answer is relayed as every other one is, but no
 * answer knows of another: each has the health of its targets for itself, so no breaker opens between two tries.
 *
 * The wall listens on a port of 127.0.0.1 that the system chooses. It is loaded and started with the first model that is asked
 * for, and keeps no process from ending. A reload that takes the lab away closes the wall behind the answers that still run.
 */
export interface FaultLab extends UnlistedModels {
  /** All faults in their groups, each with its model in each setting. */
  faults(): Promise<readonly FaultGroupJson[]>;
  /**
   * How an answer that this key has asked of this process came about: by the completion's id, or by the name that the request has
   * given it in `metadata.story`. A client knows the id only when the head of the answer comes.
   */
  story(name: string, keyId: string): Story | undefined;
  /** Closes the wall when no answer runs through it. The next model that is asked for keeps it open, or starts another one. */
  closeWhenIdle(): void;
  /** Ends the wall and what it answers. */
  close(): Promise<void>;
}

export interface FaultLabParts {
  readonly timers: TimerQueue;
  /** The pause between two events of the wall, in milliseconds. Default: slow enough for a person to watch. */
  readonly paceMs?: number;
}

const usualPaceMs = 80;

const retry: RetryConfig = { perTarget: 3, total: 6, backoffMs: 500, honourRetryAfterMs: 5_000 };
const breaker = { failures: 5, windowMs: 30_000, probeEveryMs: 10_000 };

/** For timeouts that a model of the lab has not set. */
const otherTimeouts: TimeoutsConfig = {
  connectMs: 2_000,
  firstTokenMs: 3_000,
  stallMs: 2_000,
  totalMs: 60_000,
  clientWriteMs: 30_000,
  drainMs: 30_000,
};

interface Started {
  readonly wall: Wall;
  readonly upstreams: CreatedUpstreams;
}

export function createFaultLab({ timers, paceMs = usualPaceMs }: FaultLabParts): FaultLab {
  const stories = createStories(() => timers.now());
  let starting: Promise<Started> | undefined;
  let openAnswers = 0;
  let closesWhenIdle = false;

  async function start(): Promise<Started> {
    const [{ createWall }, { labUpstreams }] = await Promise.all([
      import('../wall/wall.ts'),
      import('./lab-models.ts'),
    ]);
    const wall = createWall({ paceMs, unref: true });
    const port = await wall.listen({ host: '127.0.0.1', port: 0, loopback: true });
    const { wall: broken, spare, closed } = labUpstreams;
    try {
      const upstreams = await createUpstreams(
        new Map([
          [broken, upstreamAt(port)],
          // This preset says that the server continues a given text.
          [spare, { ...upstreamAt(port), preset: 'vllm' as const }],
          [closed, upstreamAt(wall.stats().refuse_port)],
        ]),
      );
      return { wall, upstreams };
    } catch (error) {
      // The next request starts another wall.
      await wall.close();
      throw error;
    }
  }

  /** One router for one answer. */
  function routerOf(catalogue: Parameters<typeof createRouter>[0]['catalogue']): Router {
    const parts = { catalogue, affinity: createAffinity(), retry, random: Math.random, timers };
    const health = createHealth(
      () => breaker,
      () => timers.now(),
    );
    return {
      plan: createRouter({ ...parts, health }).plan,
      open(plan, call, ...rest) {
        const story = stories.begin([call.completionId, ...namesIn(call.request)], call.keyId);
        const watched = story.watch(health, () => source.attempts());
        const source: Source = createRouter({ ...parts, health: watched }).open(plan, call, ...rest);
        openAnswers += 1;
        return closingWith(source, () => {
          openAnswers -= 1;
          void closeIfIdle();
        });
      },
    };
  }

  async function closeWall(): Promise<void> {
    const started = await starting?.catch(() => undefined);
    starting = undefined;
    started?.upstreams.retire();
    await started?.wall.close();
  }

  async function closeIfIdle(): Promise<void> {
    if (closesWhenIdle && openAnswers === 0) await closeWall();
  }

  return {
    async find(name): Promise<UnlistedModel | undefined> {
      if (!name.startsWith(labPrefix)) return undefined;
      const { labModel } = await import('./lab-models.ts');
      const made = labModel(name);
      if (made === undefined) return undefined;
      closesWhenIdle = false;
      starting ??= start();
      const { upstreams } = await starting.catch((error: unknown) => {
        // The next request tries again.
        starting = undefined;
        throw error;
      });
      const catalogue = createCatalogue(
        new Map([[made.id, made.config]]),
        upstreams.upstreams,
        otherTimeouts,
      );
      const model = catalogue.find(made.id);
      return model === undefined ? undefined : { model, router: routerOf(catalogue) };
    },
    async faults() {
      const { faultGroupsJson } = await import('./fault-json.ts');
      return faultGroupsJson();
    },
    story: stories.find,
    closeWhenIdle() {
      closesWhenIdle = true;
      void closeIfIdle();
    },
    close: closeWall,
  };
}

/** The same source, whose first `close` is seen. It is an object with private state, so its methods are called on itself. */
function closingWith(source: Source, onClose: () => void): Source {
  let isOpen = true;
  const close = source.close.bind(source);
  return Object.assign(source, {
    close(): Promise<void> {
      if (isOpen) {
        isOpen = false;
        onClose();
      }
      return close();
    },
  });
}

function namesIn({ rest }: ChatRequest): string[] {
  const { metadata } = rest;
  const name = isObject(metadata) ? metadata['story'] : undefined;
  return typeof name === 'string' ? [name] : [];
}

function upstreamAt(port: number): UpstreamConfig {
  return { kind: 'openai', baseUrl: `http://127.0.0.1:${port}/v1`, apiKeys: ['fault-lab'], headers: {} };
}
