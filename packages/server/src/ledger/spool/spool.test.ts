import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.ts';
import { roundsOf, seedOf } from '../../testing/suite-part.ts';
import type { SpoolEntry } from '../spool-entry.ts';
import { createMemoryDisk, type DiskProcess, type MemoryDisk } from '../testing/memory-spool-files.ts';
import { readSegment } from './segment.ts';
import { openSpool, type Spool, type SpoolOptions } from './spool.ts';

const folder = '/data/spool';

interface Waits {
  readonly after: NonNullable<SpoolOptions['after']>;
  pass(): void;
}

function waits(): Waits {
  const waiting = new Set<() => void>();
  return {
    after(_, work) {
      waiting.add(work);
      return () => waiting.delete(work);
    },
    pass() {
      for (const work of [...waiting]) {
        waiting.delete(work);
        work();
      }
    },
  };
}

interface Opened {
  readonly spool: Spool;
  readonly problems: string[];
  readonly process: DiskProcess;
  pass(): void;
}

function open(disk: MemoryDisk, name = 'a', maxBytes = 1024 ** 2): Opened {
  const process = disk.process();
  const problems: string[] = [];
  const { after, pass } = waits();
  const opened = openSpool({
    folder,
    name,
    maxBytes,
    files: process.files,
    after,
    onProblem: (what) => problems.push(what),
  });
  if (!opened.ok) throw new Error(opened.message);
  return { spool: opened.spool, problems, process, pass };
}

/** The entries on a disk that are not acknowledged. */
function waitingOn(disk: MemoryDisk): number {
  const segments = [...disk.contents].filter(([path]) => path.endsWith('.log'));
  return segments.reduce((sum, [, bytes]) => sum + readSegment(Buffer.from(bytes)).waiting, 0);
}

/** An entry that is known by its number; `size` is about its bytes. */
function entry(number: number, size = 60): SpoolEntry {
  return { type: 'discarded', id: `${'x'.repeat(Math.max(0, size - 60))}é-${number}`, createdAtMs: number };
}

function numbersIn(entries: readonly SpoolEntry[]): readonly number[] {
  return entries.map((one) => (one.type === 'discarded' ? one.createdAtMs : Number.NaN));
}

/** Everything that a spool holds, acknowledged as it is read. */
function drain(spool: Spool): readonly number[] {
  const numbers: number[] = [];
  while (!spool.empty) {
    const { entries, position } = spool.read();
    numbers.push(...numbersIn(entries));
    spool.acknowledge(position);
  }
  return numbers;
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe('the spool', () => {
  test('a replayed part that the disk does not remove is removed later, or by the next process', () => {
    const disk = createMemoryDisk();
    const first = open(disk, 'first');
    first.spool.append([entry(1)], 'endings');
    disk.broken = 'EIO';
    first.spool.acknowledge(first.spool.read().position);
    expect(first.spool.empty).toBe(true);
    first.spool.close();
    disk.broken = undefined;
    const { spool } = open(disk, 'second');
    // The disk took nothing, so it is replayed once more: each entry may be repeated.
    expect(drain(spool)).toEqual([1]);
    spool.close();
    expect([...disk.contents.keys()]).toEqual([]);
  });

  test('gives back in order what it has been given, until it is acknowledged', () => {
    const disk = createMemoryDisk();
    const { spool, pass } = open(disk);
    expect(spool.empty).toBe(true);
    expect(spool.append([entry(0), entry(1)], 'intents')).toBe('kept');
    expect(spool.append([entry(2)], 'endings')).toBe('kept');
    expect(numbersIn(spool.read().entries)).toEqual([0, 1, 2]);
    expect(numbersIn(spool.read().entries)).toEqual([0, 1, 2]);
    spool.acknowledge(spool.read().position);
    expect(spool.empty).toBe(true);
    // The file stays for the next entries, until none have come for a while.
    expect(spool.bytes).toBeGreaterThan(0);
    pass();
    expect(spool.bytes).toBe(0);
    expect([...disk.contents.keys()]).toEqual([`${folder}/a/lock`]);
    spool.append([entry(3)], 'endings');
    expect(drain(spool)).toEqual([3]);
    spool.close();
    expect([...disk.contents.keys()]).toEqual([]);
  });

  test('reads in parts, an entry of any size whole, and frees what is acknowledged', () => {
    const disk = createMemoryDisk();
    const { spool, pass } = open(disk, 'a', 16 * 1024 ** 2);
    for (const number of upTo(30)) {
      expect(spool.append([entry(number, number % 7 === 0 ? 700_000 : 90_000)], 'endings')).toBe('kept');
    }
    const before = spool.bytes;
    const first = spool.read();
    expect(numbersIn(first.entries)).toEqual([0]);
    spool.acknowledge(first.position);
    expect(drain(spool)).toEqual(upTo(30).slice(1));
    expect(before).toBeGreaterThan(5_000_000);
    pass();
    expect(spool.bytes).toBe(0);
  });

  test('takes intents up to nine tenths of its bound, and endings up to all of it', () => {
    const { spool } = open(createMemoryDisk(), 'a', 10_000);
    let intents = 0;
    while (spool.append([entry(intents, 100)], 'intents') === 'kept') intents += 1;
    expect(spool.bytes).toBeLessThanOrEqual(9_000);
    let endings = 0;
    while (spool.append([entry(intents + endings, 100)], 'endings') === 'kept') endings += 1;
    expect(endings).toBeGreaterThanOrEqual(5);
    expect(spool.bytes).toBeLessThanOrEqual(10_000);
    expect(spool.append([entry(0, 200)], 'endings')).toBe('full');
    drain(spool);
    expect(spool.append([entry(0, 100)], 'intents')).toBe('kept');
  });

  test('a full disk is a failure that leaves no half entry behind', () => {
    const disk = createMemoryDisk();
    const { spool, problems } = open(disk);
    spool.append([entry(0)], 'intents');
    for (const free of [0, 1, 7, 8, 9, 40]) {
      disk.free = free;
      expect(spool.append([entry(1)], 'intents')).toBe('failed');
    }
    expect(problems, 'the first of several is said').toHaveLength(1);
    disk.free = Number.POSITIVE_INFINITY;
    expect(spool.append([entry(2)], 'intents')).toBe('kept');
    disk.free = 0;
    expect(spool.append([entry(3)], 'intents')).toBe('failed');
    expect(problems).toHaveLength(2);
    disk.free = Number.POSITIVE_INFINITY;
    expect(drain(spool)).toEqual([0, 2]);
  });

  test.each(['EIO', 'EROFS', 'ENOSPC'])(
    'a disk that fails with %s throws nowhere, and what was kept stays',
    (code) => {
      const disk = createMemoryDisk();
      const { spool, pass, problems, process } = open(disk);
      spool.append([entry(0)], 'intents');
      disk.broken = code;
      expect(spool.append([entry(1)], 'endings')).toBe('failed');
      expect(numbersIn(spool.read().entries)).toEqual([0]);
      pass();
      spool.reject(entry(0));
      spool.adopt();
      disk.broken = undefined;
      expect(spool.append([entry(2)], 'endings')).toBe('kept');
      expect(numbersIn(spool.read().entries)).toEqual([0, 2]);
      expect(problems.length).toBeGreaterThan(2);
      process.kill();
      expect(drain(open(disk, 'b').spool)).toEqual([0, 2]);
      disk.broken = code;
      const opened = openSpool({ folder: '/other', name: 'c', maxBytes: 1_000, files: disk.process().files });
      expect(opened).toMatchObject({ ok: false, reason: 'failed' });
    },
  );

  test('a tail that was cut at any byte, or has any garbage in its last entry, is cut off', () => {
    const whole = createMemoryDisk();
    const { spool } = open(whole);
    for (const number of upTo(3)) spool.append([entry(number)], 'intents');
    const path = `${folder}/a/0000000001.log`;
    const bytes = whole.contents.get(path) ?? new Uint8Array();
    const lastAt = (bytes.length / 3) * 2;
    for (let cut = lastAt; cut < bytes.length; cut += 1) {
      for (const tail of [
        bytes.subarray(0, cut),
        Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(bytes.length - cut + 9)]),
        Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(bytes.length - cut, 0xff)]),
        bytes.map((byte, at) => (at === cut ? byte ^ 0x10 : byte)),
      ]) {
        const disk = createMemoryDisk();
        disk.process().files.makeFolder(`${folder}/a`);
        disk.write(path, tail);
        const again = open(disk);
        expect(again.problems).toHaveLength(tail.length === lastAt ? 0 : 1);
        again.spool.append([entry(9)], 'intents');
        again.process.kill();
        expect(drain(open(disk).spool)).toEqual([0, 1, 9]);
      }
    }
  });

  test('a damaged segment costs its rest, and no other segment', () => {
    const disk = createMemoryDisk();
    const { spool, process } = open(disk, 'a', 16 * 1024);
    for (const number of upTo(60)) spool.append([entry(number, 100)], 'intents');
    process.kill();
    const [first] = [...disk.contents.keys()].filter((path) => path.endsWith('.log')).sort();
    const bytes = Uint8Array.from(disk.contents.get(first ?? '') ?? []);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    disk.write(first ?? '', bytes);
    const again = open(disk);
    const numbers = drain(again.spool);
    expect(again.problems).toHaveLength(1);
    expect(numbers).toContain(0);
    expect(numbers).toContain(59);
    expect(numbers.length).toBeGreaterThan(45);
    expect(numbers.length).toBeLessThan(60);
  });

  test('takes over what dead processes have left, and leaves the living alone', () => {
    const disk = createMemoryDisk();
    const [dead, living] = [open(disk, 'dead', 4_096), open(disk, 'living')];
    const left = upTo(40).filter((number) => dead.spool.append([entry(number, 200)], 'endings') === 'kept');
    expect(left.length).toBeGreaterThan(10);
    living.spool.append([entry(100)], 'endings');
    dead.process.kill();
    const { spool, process } = open(disk, 'new', 4_096);
    // Theirs count in the bound.
    expect(spool.append([entry(40, 200)], 'intents')).toBe('full');
    expect(drain(spool)).toEqual(left);
    expect(numbersIn(living.spool.read().entries)).toEqual([100]);
    living.process.kill();
    spool.append([entry(50)], 'endings');
    expect(spool.adopt()).toBeGreaterThan(0);
    spool.append([entry(51)], 'endings');
    expect(drain(spool)).toEqual([50, 100, 51]);
    spool.close();
    expect([...disk.contents.keys()]).toEqual([]);
    process.kill();
  });

  test('a name that a living process has is locked', () => {
    const disk = createMemoryDisk();
    open(disk, 'a');
    const opened = openSpool({ folder, name: 'a', maxBytes: 1_000, files: disk.process().files });
    expect(opened).toMatchObject({ ok: false, reason: 'locked' });
  });

  test('puts rejected entries aside', () => {
    const disk = createMemoryDisk();
    const { spool } = open(disk);
    spool.reject(entry(7));
    spool.reject(entry(8));
    const lines = Buffer.from(disk.contents.get(`${folder}/rejected.jsonl`) ?? [])
      .toString()
      .trim()
      .split('\n');
    expect(numbersIn(lines.map((line) => JSON.parse(line)))).toEqual([7, 8]);
  });

  test('what is acknowledged is not replayed after a kill, wherever it lies, and is taken over as acknowledged', () => {
    const disk = createMemoryDisk();
    const writing = open(disk, 'writing', 16 * 1024 ** 2);
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
    for (const number of numbers) writing.spool.append([entry(number, 60_000)], 'endings');
    writing.process.kill();
    // Of the first of two segments a part is acknowledged.
    const first = open(disk, 'first');
    const { entries, position } = first.spool.read();
    expect(entries.length).toBeGreaterThan(1);
    first.spool.acknowledge(position);
    first.process.kill();
    const left = numbers.slice(entries.length);
    expect(waitingOn(disk)).toBe(left.length);
    const second = open(disk, 'second');
    const { spool } = second;
    const again = spool.read();
    expect(numbersIn(again.entries)).toEqual(left.slice(0, again.entries.length));
    spool.acknowledge(again.position);
    expect(drain(spool)).toEqual(left.slice(again.entries.length));
    // Of one that grows on all is acknowledged, and then some.
    spool.append([entry(20)], 'endings');
    expect(drain(spool)).toEqual([20]);
    spool.append([entry(21)], 'endings');
    spool.append([entry(22)], 'endings');
    second.process.kill();
    const third = open(disk, 'third');
    expect(drain(third.spool)).toEqual([21, 22]);
    expect(waitingOn(disk)).toBe(0);
    third.process.kill();
    const last = open(disk, 'last');
    expect(last.spool.empty).toBe(true);
    last.spool.close();
    expect([...disk.contents.keys()]).toEqual([]);
  });

  test('loses nothing acknowledged and invents nothing, over any crashes', () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ type: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constantFrom('replay' as const, 'pass' as const, 'adopt' as const) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constantFrom('kill' as const, 'power' as const, 'close' as const) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constantFrom('break' as const, 'mend' as const, 'fill' as const) }),
      },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.nat(), (actions, seed) => {
        const random = seededRandom(seed);
        const disk = createMemoryDisk();
        let generation = 0;
        let opened = open(disk, 'p0', 8_192);
        let last = 0;
        /** Kept and not replayed, in their order; what a power failure may take is in `unsafe`. */
        let owed: number[] = [];
        let unsafe: number[] = [];
        const tried = new Set<number>();
        /** Acknowledged on a disk that took it. */
        const done = new Set<number>();
        const restart = (how: 'close' | 'kill' | 'power'): void => {
          if (how === 'close') opened.spool.close();
          opened.process.kill();
          if (how === 'power') {
            disk.powerFailure(random);
            owed = owed.filter((number) => !unsafe.includes(number));
            done.clear();
          }
          // A killed process leaves them to the operating system, and the next one has them synced.
          const synced = how === 'power' || (how === 'close' && disk.broken === undefined);
          disk.broken = undefined;
          disk.free = Number.POSITIVE_INFINITY;
          generation += 1;
          opened = open(disk, `p${generation}`, 8_192);
          if (synced) unsafe = [];
        };
        const replay = (): void => {
          const { spool } = opened;
          const numbers: number[] = [];
          while (!spool.empty) {
            const { entries, position } = spool.read();
            numbers.push(...numbersIn(entries));
            spool.acknowledge(position);
          }
          for (const number of numbers) expect([tried.has(number), done.has(number)]).toEqual([true, false]);
          if (disk.free === Number.POSITIVE_INFINITY) for (const number of numbers) done.add(number);
          // Each process appends in order, and a dead one's come before or after those of the living.
          expect(owed.filter((number) => !numbers.includes(number))).toEqual([]);
          const kept = numbers.filter((number) => owed.includes(number));
          expect([...kept].sort((one, other) => one - other)).toEqual(owed);
          owed = [];
          unsafe = [];
        };
        for (const one of actions) {
          switch (one.type) {
            case 'append': {
              const numbers = Array.from({ length: one.count }, () => {
                last += 1;
                return last;
              });
              for (const number of numbers) tried.add(number);
              const sizes = numbers.map((number) => entry(number, 60 + Math.floor(random() * 400)));
              if (opened.spool.append(sizes, 'endings') === 'kept') {
                owed.push(...numbers);
                unsafe.push(...numbers);
              }
              break;
            }
            case 'replay':
              if (disk.broken === undefined) replay();
              break;
            case 'pass':
              opened.pass();
              if (disk.broken === undefined) unsafe = [];
              break;
            case 'adopt':
              opened.spool.adopt();
              break;
            case 'break':
              disk.broken = 'EIO';
              break;
            case 'fill':
              disk.free = Math.floor(random() * 300);
              break;
            case 'mend':
              disk.broken = undefined;
              disk.free = Number.POSITIVE_INFINITY;
              break;
            default:
              restart(one.type);
          }
        }
        restart('kill');
        replay();
        expect(opened.spool.bytes).toBe(0);
      }),
      { numRuns: roundsOf(20_000, 300), seed: seedOf() },
    );
  });
});

describe('the spool on the real disk', () => {
  function inFolder<T>(work: (path: string) => T): T {
    const path = mkdtempSync(join(tmpdir(), 'spool-'));
    try {
      return work(path);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  }

  function openReal(path: string, name: string): Spool {
    const opened = openSpool({ folder: path, name, maxBytes: 1024 ** 2 });
    if (!opened.ok) throw new Error(opened.message);
    return opened.spool;
  }

  test('only its user can read it, and a closed one leaves nothing where nothing is kept', () => {
    inFolder((path) => {
      const spool = openReal(path, 'a');
      spool.append([entry(1)], 'intents');
      spool.reject(entry(2));
      expect(statSync(join(path, 'a')).mode & 0o777).toBe(0o700);
      for (const name of ['a/0000000001.log', 'a/lock', 'rejected.jsonl']) {
        expect(statSync(join(path, name)).mode & 0o777).toBe(0o600);
      }
      expect(drain(spool)).toEqual([1]);
      spool.close();
      expect(readdirSync(path)).toEqual(['rejected.jsonl']);
      expect(readFileSync(join(path, 'rejected.jsonl'), 'utf8').endsWith('\n')).toBe(true);
    });
  });

  test('a closed one that holds entries is taken over by the next process', () => {
    inFolder((path) => {
      const spool = openReal(path, 'a');
      spool.append([entry(1), entry(2)], 'intents');
      spool.close();
      const next = openReal(path, 'b');
      expect(drain(next)).toEqual([1, 2]);
      expect(readdirSync(path)).toEqual(['b']);
      next.close();
    });
  });

  test('a living process keeps its own, and a killed one loses it to the next', async () => {
    const path = mkdtempSync(join(tmpdir(), 'spool-'));
    const source = new URL('./spool.ts', import.meta.url).href;
    const program = `
      const { openSpool } = await import(${JSON.stringify(source)});
      const { spool } = openSpool({ folder: ${JSON.stringify(path)}, name: 'child', maxBytes: 100000 });
      spool.append([${JSON.stringify(entry(5))}], 'intents');
      console.log('kept');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      const spool = openReal(path, 'a');
      expect(spool.empty).toBe(true);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(spool.adopt()).toBeGreaterThan(0);
      expect(drain(spool)).toEqual([5]);
      spool.close();
    } finally {
      child.kill('SIGKILL');
      rmSync(path, { recursive: true, force: true });
    }
  });
});
