import { readSegment } from '../../packages/server/src/ledger/spool/segment.ts';
import type { MemoryDisk } from '../../packages/server/src/ledger/testing/memory-spool-files.ts';
import type { UsageRecord } from '../../packages/server/src/storage/records.ts';
import { type ClientAnswer, readAnswer } from './client-answer.ts';
import type { Complaint } from './invariants.ts';
import { drawBudget, drawLimits, type KeyRing, type RingKey } from './key-ring.ts';
import type { MemoryConnection } from './memory-connection.ts';
import type { ServingProcess, SimulatedService, Surroundings } from './simulated-service.ts';
import type { Weather } from './unsteady-store.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';
import { adminKey, models } from './world-config.ts';

/** The steps of a world: what clients, operators and the surroundings do. */
export interface Traffic {
  /** Makes the keys; every path must be fine. */
  makeKeys(): Promise<void>;
  /** One random step, and a random while after it. */
  step(): Promise<void>;
  /** Every path and disk, and the receiver, is fine from now on. */
  clearWeather(): void;
  /** Compares the whole answers of clients with the rows; each answer once. */
  checkClients(rows: ReadonlyMap<string, UsageRecord>, mayBeLost: (id: string) => boolean): void;
  /** Since when a disk has not synced what was written to it, at a time. */
  unsyncedSinceMs(disk: MemoryDisk, atMs: number): number;
  /** Requests for completions. */
  asked(): number;
}

export interface TrafficParts {
  readonly around: Surroundings;
  readonly receiver: WebhookReceiver;
  readonly ring: KeyRing;
  readonly services: () => readonly SimulatedService[];
  readonly disks: readonly MemoryDisk[];
  readonly retentionMs: number;
  readonly complain: Complaint;
}

interface Client {
  readonly connection: MemoryConnection;
  readonly process: ServingProcess;
}

const keyCount = 5;
const owners = ['acme', 'default', 'lab'];

export function createTraffic(parts: TrafficParts): Traffic {
  const { around, receiver, ring, services, disks, retentionMs, complain } = parts;
  const { dice, time, facts } = around;
  let clients: Client[] = [];
  let changes: {
    readonly connection: MemoryConnection;
    readonly answered: (acknowledged: boolean) => void;
  }[] = [];
  const brokenSinceMs = new Map<MemoryDisk, number>();
  const repairedAtMs = new Map<MemoryDisk, number>();
  let count = 0;
  let lastChange = 0;

  function processOf(): ServingProcess | undefined {
    const processes = services().flatMap((service) => service.processes);
    return processes.length === 0 ? undefined : dice.pick(processes);
  }

  function administer(process: ServingProcess, method: string, path: string, body: object): MemoryConnection {
    lastChange += 1;
    return process.ask({
      method,
      path,
      headers: {
        authorization: `Bearer ${adminKey}`,
        'content-type': 'application/json',
        'idempotency-key': `change-${lastChange}`,
      },
      body: JSON.stringify(body),
    });
  }

  function ask(): void {
    const process = processOf();
    const key = dice.pick(ring.keys);
    if (process === undefined) return;
    count += 1;
    const stream = dice.chance(0.7);
    const body = {
      model: dice.pick(models),
      messages: [{ role: 'user', content: 'x'.repeat(dice.below(200)) }],
      stream,
      ...(stream ? { stream_options: { include_usage: true } } : {}),
      ...(dice.chance(0.5) ? { temperature: 0 } : {}),
      ...(dice.chance(0.5) ? { max_tokens: 10 + dice.below(300) } : {}),
      ...(dice.chance(0.3) ? { user: `user-${dice.below(3)}` } : {}),
    };
    const connection = process.ask({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: {
        authorization: `Bearer ${key.secret}`,
        'content-type': 'application/json',
        ...(dice.chance(0.3) ? { 'tailrace-tags': `team=${dice.pick(['blue', 'red'])}` } : {}),
      },
      body: JSON.stringify(body),
    });
    clients.push({ connection, process });
  }

  function changeKey(): void {
    const process = processOf();
    if (process === undefined) return;
    const key: RingKey = dice.pick(ring.keys);
    const fields = drawLimits(dice);
    const answered = ring.asked(key, fields);
    changes.push({ connection: administer(process, 'PATCH', `/admin/v1/keys/${key.id}`, fields), answered });
  }

  function changeOwner(): void {
    const process = processOf();
    if (process === undefined) return;
    administer(process, 'PATCH', `/admin/v1/owners/${dice.pick(owners)}`, { budget: drawBudget(dice) });
  }

  function changeWeather(): void {
    const service = services().length === 0 ? undefined : dice.pick(services());
    if (service === undefined) return;
    const { path } = service;
    const before = path.weather;
    const drawn: readonly Weather[] = ['fine', 'fine', 'fine', 'away', 'locked', 'frozen', 'forgetful'];
    path.weather = dice.pick(drawn);
    if (before === 'frozen' && path.weather !== 'frozen') path.thaw();
  }

  function changeDisk(): void {
    const disk = dice.pick(disks);
    disk.free = dice.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 3_000]);
    const broken = dice.pick([undefined, undefined, undefined, 'EIO']);
    if (broken !== undefined && disk.broken === undefined) brokenSinceMs.set(disk, time.monotonic());
    if (broken === undefined) noteRepair(disk);
    disk.broken = broken;
  }

  function noteRepair(disk: MemoryDisk): void {
    if (disk.broken !== undefined) repairedAtMs.set(disk, time.monotonic());
  }

  function changeReceiver(): void {
    receiver.weather = dice.pick(['fine', 'fine', 'away', 'forgetful']);
  }

  function leave(): void {
    if (clients.length > 0) dice.pick(clients).connection.leave();
  }

  function cancel(): void {
    const runs = processOf()?.runs.list() ?? [];
    if (runs.length > 0) dice.pick(runs).stop({ type: 'cancelled' });
  }

  function killProcess(): void {
    const service = services().length === 0 ? undefined : dice.pick(services());
    if (service === undefined || service.processes.length < 2) return;
    dice.pick(service.processes).mortal.kill();
    void service.addProcess();
  }

  function retire(): void {
    const service = services().length === 0 ? undefined : dice.pick(services());
    const beforeMs = time.now() - retentionMs;
    const waiting = disks.some(({ contents }) =>
      [...contents].some(
        ([path, bytes]) => path.endsWith('.log') && readSegment(Buffer.from(bytes)).waiting > 0,
      ),
    );
    const unsettled = [...facts.intents.values()].some(
      ({ id, createdAtMs }) => createdAtMs < beforeMs && !facts.settled.has(id) && !facts.discarded.has(id),
    );
    // Only a clock that jumps has requests older than the retention; one that is settled after it would be counted twice.
    if (waiting || unsettled || facts.tardyCalls > 0) return;
    void service?.store.retire(beforeMs).catch(() => {});
  }

  function jump(): void {
    time.jump(dice.pick([61_000, 3_600_000, 86_400_000, 5 * 86_400_000]));
  }

  const steps: readonly (readonly [number, () => void])[] = [
    [60, ask],
    [6, leave],
    [2, cancel],
    [4, changeKey],
    [2, changeOwner],
    [6, changeWeather],
    [2, changeDisk],
    [1, changeReceiver],
    [1, killProcess],
    [1, retire],
    [1, jump],
  ];
  const weights = steps.reduce((sum, [weight]) => sum + weight, 0);

  function drawStep(): () => void {
    let left = dice.below(weights);
    for (const [weight, act] of steps) {
      left -= weight;
      if (left < 0) return act;
    }
    return ask;
  }

  function noteChanges(): void {
    changes = changes.filter(({ connection, answered }) => {
      const answer = connection.received();
      if (answer?.whole !== true && !connection.socket.destroyed) return true;
      answered(answer?.whole === true && answer.status === 200);
      return false;
    });
  }

  return {
    async makeKeys() {
      const process = processOf();
      if (process === undefined) throw new Error('no process serves');
      for (let number = 0; number < keyCount; number += 1) {
        const owner = dice.pick(owners);
        const fields = number === 0 ? {} : drawLimits(dice);
        const connection = administer(process, 'POST', '/admin/v1/keys', { owner, ...fields });
        await time.advance(2_000);
        const answer = connection.received();
        if (answer?.status !== 201) throw new Error(`no key was made: ${answer?.status} ${answer?.body}`);
        const made = JSON.parse(answer.body) as { readonly id: string; readonly key: string };
        ring.asked(ring.add(made.id, made.key, owner), fields)(true);
      }
      await time.advance(2_000);
    },
    async step() {
      const act = drawStep();
      around.log(`step ${act.name}`);
      act();
      await time.advance(dice.chance(0.03) ? 12_000 : dice.pick([0, 1, 20, 200, 800]));
      noteChanges();
    },
    clearWeather() {
      for (const { path } of services()) {
        path.weather = 'fine';
        path.failEvery = 0;
        path.thaw();
      }
      for (const disk of disks) {
        noteRepair(disk);
        disk.broken = undefined;
        disk.free = Number.POSITIVE_INFINITY;
      }
      receiver.weather = 'fine';
    },
    checkClients(rows, mayBeLost) {
      clients = clients.filter(({ connection, process }) => {
        const received = connection.received();
        const answer = received === undefined ? undefined : readAnswer(received);
        if (answer?.completed === true) check(answer, process);
        return !connection.socket.destroyed && received?.whole !== true;
      });

      function check({ id = '', usage, words }: ClientAnswer, process: ServingProcess): void {
        const row = rows.get(id);
        if (row === undefined && !mayBeLost(id))
          complain(`${id}: a client has the answer, and it has no record`);
        if (row === undefined || usage === undefined) return;
        if (usage.completion !== words)
          complain(`${id}: ${words} words came, the usage says ${usage.completion}`);
        // Where the process was killed before it was kept, the record has what its progress says.
        if (process.mortal.dead && !facts.settled.has(id)) return;
        if (
          !mayBeLost(id) &&
          (usage.prompt !== row.promptTokens || usage.completion !== row.completionTokens)
        ) {
          complain(
            `${id}: the client has ${usage.prompt} + ${usage.completion}, the record ${row.promptTokens} + ${row.completionTokens}`,
          );
        }
      }
    },
    unsyncedSinceMs(disk, atMs) {
      const repairedMs = repairedAtMs.get(disk) ?? Number.NEGATIVE_INFINITY;
      const synced = disk.broken === undefined && atMs - repairedMs > 250;
      return synced ? atMs : (brokenSinceMs.get(disk) ?? atMs);
    },
    asked: () => count,
  };
}
