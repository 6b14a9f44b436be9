import type { ServerResponse } from 'node:http';
import { expect } from 'vitest';
import { nobody } from '../../../access/authenticator.ts';
import type { StreamConfig } from '../../../config/config.ts';
import { ok, type Result } from '../../../domain/failure.ts';
import type { Journal, JournalLimits, StreamFacts, StreamWriter } from '../../../journal/contract.ts';
import { factsOf } from '../../../journal/testing/stream-followers.ts';
import { createTestJournal } from '../../../journal/testing/test-journal.ts';
import type { CancelOrder } from '../../../peers/contract.ts';
import { createInstruments } from '../../../telemetry/instruments.ts';
import { notQueued, type QueuedTimer, type TimerQueue } from '../../../timers/timer-queue.ts';
import { createChatSurface } from '../../../wire/chat/surface.ts';
import { noCors } from '../../cors.ts';
import { createHandler } from '../../handler.ts';
import { durableStreamRoutes } from '../../routes/durable-streams.ts';
import { keptEventsRoute } from '../../routes/kept-events.ts';
import { createHttpServer } from '../../server.ts';

/** The routes of kept streams over a journal that the test writes, with a clock that the test moves. */
export interface DurableServer {
  url: string;
  readonly journal: Journal;
  readonly timers: ManualTimers;
  /** The orders to cancel, and what the next ones answer. */
  readonly cancelled: CancelOrder[];
  cancelAnswer: Result<unknown>;
  /** The answers so far. */
  readonly responses: ServerResponse[];
  begin(more?: Partial<StreamFacts>): Promise<StreamWriter>;
  /** Asks for a stream at its own address. */
  ask(id: string, query?: string, init?: RequestInit): Promise<Response>;
  /** Resolves when so many live reads wait for a message. */
  waiting(count?: number): Promise<void>;
  stop: () => void;
}

/** The header that says whose key the request has. */
export const keyHeader = 'x-test-key';

export async function startDurableServer(
  limits: Partial<JournalLimits> = {},
  journal: Journal = createTestJournal(limits),
): Promise<DurableServer> {
  const timers = new ManualTimers();
  const responses: ServerResponse[] = [];
  const surface = createChatSurface(settings);
  const cancelled: CancelOrder[] = [];
  const server: DurableServer = {
    url: '',
    ...{ journal, timers, cancelled, responses },
    cancelAnswer: ok(undefined),
    async begin(more?: Partial<StreamFacts>) {
      const begun = await journal.begin(factsOf(more));
      if (begun.type !== 'begun') throw new Error(begun.type);
      return begun.writer;
    },
    ask: (id, query = '', init = {}) => fetch(`${server.url}/v1/streams/${id}${query}`, init),
    async waiting(count = 1) {
      await expect.poll(() => timers.size).toBe(count);
    },
    stop: () => {},
  };
  const handle = createHandler({
    routes: [
      ...durableStreamRoutes({
        ...{ journal, timers, settings, instruments: createInstruments() },
        clock: () => Date.UTC(2026, 0, 1) + timers.now(),
        random: () => 0.5,
        cancel: async (order) => {
          cancelled.push(order);
          return server.cancelAnswer;
        },
      }),
      keptEventsRoute(surface, journal, { settings, timers, instruments: createInstruments() }),
    ],
    authenticator: {
      authenticate: (_, headers) => ok({ ...nobody, keyId: headers[keyHeader]?.[0] ?? 'k' }),
    },
    cors: noCors,
    ownHostsOnly: false,
    clientWriteMs: 30_000,
    newRequestId: () => 'req_1',
    onDone: () => {},
  });
  const http = createHttpServer(
    (request, response, expectsContinue) => {
      responses.push(response);
      return handle(request, response, expectsContinue);
    },
    () => 'req_1',
    () => {},
  );
  const port = await http.listen({ host: '127.0.0.1', port: 0, loopback: true });
  server.url = `http://127.0.0.1:${port}`;
  server.stop = () => http.destroy();
  return server;
}

const settings: StreamConfig = {
  keepalive: 'comment',
  keepaliveAfterMs: 10_000,
  holdHeadMs: 8_000,
  usageChunk: 'inline',
  graceMs: 30_000,
  retentionMs: 600_000,
  journal: { perStreamBytes: 1024 ** 2, totalBytes: 1024 ** 2 },
  maxEventBytes: 1024 ** 2,
};

/** Entries are due when the test says so. */
export class ManualTimers implements TimerQueue {
  private readonly waiting = new Set<QueuedTimer>();
  private nowMs = 0;

  readonly now = (): number => this.nowMs;

  get size(): number {
    return this.waiting.size;
  }

  start(timer: QueuedTimer, afterMs: number): void {
    timer.dueMs = this.nowMs + afterMs;
    timer.place = 0;
    this.waiting.add(timer);
  }

  stop(timer: QueuedTimer): void {
    timer.place = notQueued;
    this.waiting.delete(timer);
  }

  /** Lets the time pass, and calls what is due then. */
  pass(milliseconds: number): void {
    this.nowMs += milliseconds;
    for (const timer of [...this.waiting]) {
      if (timer.dueMs > this.nowMs) continue;
      this.stop(timer);
      timer.fire();
    }
  }
}
