/**
 * The crash simulation of keys, limits and records.
 *
 * One seed is one world: services with their real rooms (handlers, meter, ledger, writer of records, spool, limiter, webhook)
 * and, around them, everything that they cannot trust: a store on an unsteady path, a disk that tears, clients that leave,
 * targets that break off, and a clock that this file alone moves. A world lives for some generations:
 *
 *     start, real recovery ─▶ checks ─▶ random steps … death between two effects ─▶ torn tail, power failure ─▶ next generation
 *                                                                                             last one: drain ─▶ checks
 *
 * `traffic.ts` draws the steps. `invariants.ts` compares the store with what was seen from outside: the book of the targets
 * (`producing-upstream.ts`), what store and spool have taken (`kept-facts.ts`), what clients and the webhook's receiver have.
 *
 * A seed draws the same world in every run, but for the real PostgreSQL, where the server orders what comes at once. The error
 * of a failing world names the command that plays it again.
 */
import type { Config } from '../../packages/server/src/config/config.ts';
import {
  createMemoryDisk,
  type MemoryDisk,
} from '../../packages/server/src/ledger/testing/memory-spool-files.ts';
import type { Store } from '../../packages/server/src/storage/contract.ts';
import type { UsageRecord } from '../../packages/server/src/storage/records.ts';
import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';
import { createDice, type Dice } from '../../packages/server/src/upstreams/testing/dice.ts';
import type { BackingStore } from './backing-store.ts';
import { checkStore, readRows } from './invariants.ts';
import { createKeptFacts } from './kept-facts.ts';
import { createKeyRing } from './key-ring.ts';
import { checkEvents, checkLimiter } from './other-checks.ts';
import { createBook } from './producing-upstream.ts';
import { type SimulatedService, type Surroundings, startService } from './simulated-service.ts';
import { createTraffic, type Traffic } from './traffic.ts';
import type { Weather } from './unsteady-store.ts';
import { installVirtualTime, type VirtualTime } from './virtual-time.ts';
import { createWebhookReceiver } from './webhook-receiver.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly config: Config;
  readonly backing: (time: VirtualTime) => Promise<BackingStore>;
  /** Default: 4. */
  readonly generations?: number;
  /** Of each generation. Default: 150. */
  readonly steps?: number;
  /** Every so many calls of a store fails; default: none but those of its weather. */
  readonly failEvery?: number;
  /** Gets each line of the services' logs and each step. */
  readonly log?: (line: string) => void;
}

/** What a world has gone through, so that a test can see that it was worth it. */
export interface SimulationFigures {
  readonly records: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly deaths: number;
  readonly events: number;
}

const startMs = Date.parse('2026-11-28T21:00:00Z');
const dayMs = 86_400_000;
const retentionMs = 3 * dayMs;
/** The spool syncs within 200 ms. */
const unsyncedMs = 250;

export async function simulate(options: SimulationOptions): Promise<SimulationFigures> {
  const random = seededRandom(options.seed);
  const dice = createDice(options.seed + 0x51ed);
  const time = installVirtualTime(startMs, random);
  let backing: BackingStore | undefined;
  try {
    backing = await options.backing(time);
    return await new World(options, dice, time, backing).live();
  } finally {
    await backing?.remove();
    time.uninstall();
  }
}

/** A service and its disk, which the next service of the same place gets. */
interface Place {
  readonly disk: MemoryDisk;
  generation: number;
  service: SimulatedService | undefined;
  store: Store | undefined;
}

/** Times, in milliseconds since the beginning, of which a power failure may have taken what was written to a disk. */
type Losses = { readonly fromMs: number; readonly untilMs: number }[];

class World {
  private readonly options: SimulationOptions;
  private readonly dice: Dice;
  private readonly time: VirtualTime;
  private readonly backing: BackingStore;
  private readonly around: Surroundings;
  private readonly places: readonly Place[];
  private readonly traffic: Traffic;
  private readonly workers: boolean;
  private readonly retired = new Map<string, UsageRecord>();
  private readonly sequences = new Map<string, number>();
  private readonly losses: Losses = [];
  private readonly ring = createKeyRing();
  private readonly receiver: ReturnType<typeof createWebhookReceiver>;
  private complaints: string[] = [];
  private died = 0;
  /** A shared store carries out calls also while no service lives. */
  private sharedStore: Store | undefined;

  constructor(options: SimulationOptions, dice: Dice, time: VirtualTime, backing: BackingStore) {
    this.options = options;
    this.dice = dice;
    this.time = time;
    this.backing = backing;
    this.workers = dice.chance(0.4);
    this.receiver = createWebhookReceiver(time, dice);
    const places = backing.shared && dice.chance(0.6) ? 2 : 1;
    this.places = Array.from({ length: places }, () => ({
      disk: createMemoryDisk(),
      generation: 0,
      service: undefined,
      store: undefined,
    }));
    const facts = createKeptFacts(time.monotonic);
    this.around = {
      time,
      dice,
      config: options.config,
      book: createBook(),
      facts,
      spoolBytes: dice.pick([40_000, 2_000_000]),
      retentionMs,
      shared: backing.shared,
      post: this.receiver.post,
      onStoring: (name) => (name === 'retire' ? this.beforeRetention() : undefined),
      onStored: (name, args, result) => this.noteStored(name, args, result),
      onCall: (id) => {
        if (!facts.intents.has(id)) this.complain(`${id} was called before its intent was kept`);
      },
      log: (line) => options.log?.(`${time.monotonic()} ${line}`),
    };
    this.traffic = createTraffic({
      around: this.around,
      receiver: this.receiver,
      ring: this.ring,
      services: () => this.services(),
      disks: this.places.map(({ disk }) => disk),
      retentionMs,
      complain: this.complain,
    });
  }

  async live(): Promise<SimulationFigures> {
    const { generations = 4, steps = 150 } = this.options;
    for (const place of this.places) await this.start(place, 'fine');
    await this.traffic.makeKeys();
    for (let generation = 1; generation <= generations; generation += 1) {
      await this.check('after the start');
      for (const { path } of this.services()) path.failEvery = this.options.failEvery ?? 0;
      const dying = this.dice.pick(this.places);
      const deathAt = generation === generations ? steps : Math.floor(steps * (0.4 + 0.6 * Math.random()));
      for (let step = 0; step < steps; step += 1) {
        if (step === deathAt) dying.service?.mortal.dieAt(1 + this.dice.below(60));
        await this.traffic.step();
        // The process of a service that has died is started again in time.
        if (dying.service?.mortal.dead === true) break;
        this.failWhereWrong(`in step ${step} of generation ${generation}`);
      }
      if (generation < generations) await this.dieAndRestart(dying);
    }
    const rows = await this.drain();
    const records: Record<string, number> = {};
    for (const { status } of rows.values()) records[status] = (records[status] ?? 0) + 1;
    return {
      records,
      requests: this.traffic.asked(),
      deaths: this.died,
      events: this.receiver.received.size,
    };
  }

  private readonly complain = (what: string): void => {
    this.complaints.push(what);
  };

  private services(): readonly SimulatedService[] {
    return this.places.flatMap(({ service }) => (service === undefined ? [] : [service]));
  }

  private backingStore(): Store {
    const store = this.places.find((place) => place.store !== undefined)?.store ?? this.sharedStore;
    if (store === undefined) throw new Error('no service has opened the store');
    return store;
  }

  private async start(place: Place, weather: Weather): Promise<void> {
    const { time } = this;
    place.generation += 1;
    place.store = await this.backing.open();
    if (this.backing.shared) this.sharedStore = place.store;
    const starting = startService(this.around, {
      name: `service-${this.places.indexOf(place)}-${place.generation}`,
      store: place.store,
      disk: place.disk,
      workers: this.workers,
      failEvery: place.generation > 1 ? (this.options.failEvery ?? 0) : 0,
      weather,
    });
    place.service = await time.until('the start of a service', starting);
  }

  /** Kill -9 between two effects, in a part of the cases by a power failure. */
  private async dieAndRestart(place: Place): Promise<void> {
    const { dice, time } = this;
    place.service?.mortal.kill();
    this.died += 1;
    await time.advance(0);
    if (dice.chance(0.3)) {
      place.disk.powerFailure(() => Math.random());
      const untilMs = place.service?.mortal.diedAtMs ?? time.monotonic();
      this.losses.push({ fromMs: this.traffic.unsyncedSinceMs(place.disk, untilMs) - unsyncedMs, untilMs });
    }
    if (place.store !== undefined) await this.backing.died(place.store);
    place.service = undefined;
    place.store = undefined;
    place.disk.broken = undefined;
    place.disk.free = Number.POSITIVE_INFINITY;
    // Long enough that the others see its beat expire, or not.
    if (this.backing.shared) await time.advance(dice.pick([0, 3_000, 14_000]));
    await this.start(place, dice.chance(0.1) ? 'away' : 'fine');
  }

  /** Compares at a time when every path is fine and nobody waits for a store. */
  private async check(when: string): Promise<void> {
    const { time, around } = this;
    this.traffic.clearWeather();
    // The spool is replayed, and in a shared store the beats of the dead expire.
    await time.advance(this.backing.shared ? 18_000 : 6_000);
    const living = new Set(this.services().flatMap(({ processIds }) => processIds()));
    const rows = await checkStore(
      {
        store: this.backingStore(),
        facts: around.facts,
        book: around.book,
        several: this.backing.shared || this.workers,
        retired: this.retired,
        mayBeLost: (id) => this.mayBeLost(id),
        lives: (processId) => living.has(processId),
        nowMs: time.now(),
        keyIds: this.ring.keys.map(({ id }) => id),
        owners: [...new Set(this.ring.keys.map(({ owner }) => owner))],
      },
      this.complain,
    );
    await this.ring.check(this.backingStore(), this.complain);
    const all = new Map([...this.retired, ...rows.settled]);
    this.traffic.checkClients(all, (id) => this.mayBeLost(id));
    this.failWhereWrong(when);
  }

  /** Resolves with every row, those that retention has deleted included. */
  private async drain(): Promise<ReadonlyMap<string, UsageRecord>> {
    const { time } = this;
    this.traffic.clearWeather();
    const running = () =>
      this.services()
        .flatMap(({ processes }) => processes)
        .some(({ runs }) => runs.size > 0);
    // Some requests may not have begun their runs.
    await time.advance(5_000);
    for (let left = 40; left > 0 && running(); left -= 1) await time.advance(5_000);
    if (running()) this.complain('a run has not ended');
    await this.check('after the drain');
    const { settled, open } = await readRows(this.backingStore());
    for (const { id } of open.values()) this.complain(`${id} is open after the drain`);
    for (const service of this.services()) await checkLimiter(service, this.ring, this.complain);
    const all = new Map([...this.retired, ...settled]);
    for (let left = 20; left > 0 && !checkEvents(this.receiver, all, this.sequences, () => {}); left -= 1) {
      await time.advance(30_000);
    }
    checkEvents(this.receiver, all, this.sequences, this.complain);
    this.failWhereWrong('after the drain');
    // A part of the spool that the disk did not let go is replayed once more, and must change nothing.
    await this.endInGoodOrder();
    for (const place of this.places) await this.start(place, 'fine');
    await this.check('after a clean start');
    await this.endInGoodOrder();
    for (const { disk } of this.places) {
      const left = [...disk.contents].filter(([path, bytes]) => bytes.length > 0 && path.endsWith('.log'));
      if (left.length > 0)
        this.complain(
          `the spool is not empty after a clean end: ${left.map(([path, bytes]) => `${path} ${bytes.length}`).join()}`,
        );
      if (disk.contents.has('/data/spool/rejected.jsonl')) this.complain('a record was put aside');
    }
    this.failWhereWrong('after the end');
    return all;
  }

  private async endInGoodOrder(): Promise<void> {
    for (const service of this.services()) {
      await this.time.until('the end of a service', service.close());
      // The process exits, and its connections with it: Node would keep them, and through them this world, for ever.
      service.mortal.kill();
    }
    for (const place of this.places) {
      if (place.store !== undefined) await this.backing.ended(place.store);
      place.store = undefined;
      place.service = undefined;
    }
  }

  private mayBeLost(id: string): boolean {
    const atMs = this.around.facts.spooledAtMs.get(id);
    if (atMs === undefined) return false;
    // On its way from the spool to the store; the last check of a world comes later than that.
    if (this.around.time.monotonic() - atMs < 500) return true;
    return this.losses.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs <= untilMs);
  }

  private async beforeRetention(): Promise<void> {
    const { settled } = await readRows(this.backingStore());
    for (const row of settled.values()) if (this.isOld(row.id)) this.retired.set(row.id, row);
  }

  /** Retention may delete its row at any time. */
  private isOld(id: string): boolean {
    const { facts } = this.around;
    const { createdAtMs } = facts.intents.get(id) ?? facts.settled.get(id) ?? { createdAtMs: 0 };
    return createdAtMs < Math.ceil((this.time.now() - retentionMs) / dayMs) * dayMs;
  }

  private async noteStored(name: keyof Store, args: readonly unknown[], result: unknown): Promise<void> {
    this.around.facts.stored(name, args, result);
    if (this.options.log !== undefined)
      this.around.log(`stored ${name} ${idsIn(args).join(' ') || shortened(args)} → ${shortened(result)}`);
    if (name === 'settle' || name === 'closeDead') {
      for (const id of idsIn([name === 'settle' ? args : result])) {
        if (!this.isOld(id)) continue;
        const { data } = await this.backingStore().records({ id, limit: 1 });
        for (const row of data) if (row.status !== 'open') this.retired.set(id, row);
      }
    }
    if (name === 'discard') for (const id of idsIn(args)) this.retired.delete(id);
    if (name !== 'outbox') return;
    // A record that was discarded, admitted again from a spool and presumed again has its event a second time.
    for (const { id, sequence } of result as readonly { id: string; sequence: number }[])
      if (!this.sequences.has(id)) this.sequences.set(id, sequence);
  }

  private failWhereWrong(when: string): void {
    if (this.complaints.length === 0) return;
    const shown = this.complaints.slice(0, 8).join('\n  ');
    throw new Error(`${when}, ${this.time.monotonic()} ms:\n  ${shown}`);
  }
}

function idsIn(value: unknown): readonly string[] {
  return [...new Set(JSON.stringify(value)?.match(/chatcmpl-[\w-]+/g))];
}

function shortened(value: unknown): string {
  return (JSON.stringify(value) ?? '').slice(0, 300);
}
