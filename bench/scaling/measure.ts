import { Redis } from 'ioredis';
import { Client } from 'pg';
import { createReport } from '../../tools/report.ts';
import { startServices } from '../../tools/services/start-services.ts';
import { BenchProcesses } from '../relay/bench-processes.ts';
import type { LoadJob } from '../relay/load/load-job.ts';
import { startTailrace } from '../relay/proxies.ts';
import type { MeasuredPoint, Measurements } from './measurements.ts';

interface Plan {
  readonly name: string;
  readonly streamsPerSecond: number;
  readonly events: number;
  readonly intervalMs: number;
  readonly resumable?: boolean;
}

/** The first three give what a process, a request and an event cost; the others are predicted from these. */
const plans: readonly Plan[] = [
  { name: 'short answers', streamsPerSecond: 100, events: 5, intervalMs: 1 },
  { name: 'chats', streamsPerSecond: 20, events: 150, intervalMs: 20 },
  { name: 'half as many chats', streamsPerSecond: 10, events: 150, intervalMs: 20 },
  { name: 'resumable chats', streamsPerSecond: 20, events: 150, intervalMs: 20, resumable: true },
  { name: 'half as many short answers', streamsPerSecond: 50, events: 5, intervalMs: 1 },
  { name: 'twice as many chats', streamsPerSecond: 40, events: 150, intervalMs: 20 },
  { name: 'four times as many chats', streamsPerSecond: 80, events: 150, intervalMs: 20 },
  { name: 'long answers', streamsPerSecond: 8, events: 500, intervalMs: 10 },
];
const idleSeconds = 10;
/** Commands that Tailrace sends; Redis counts those that its scripts call under their own names. */
const sentCommands = ['evalsha', 'eval', 'ping', 'publish', 'info', 'script|load', 'zrem'];

/**
 * Starts a PostgreSQL and a Redis as the tests do, an upstream and a Tailrace, and counts what streams of several kinds make of work in
 * each. Every answer is checked, as in the other benchmarks.
 */
export async function measure(seconds: number, say: (line: string) => void): Promise<Measurements> {
  const services = await startServices(createReport((text) => process.stderr.write(text)));
  const processes = new BenchProcesses();
  const databaseUrl = services.env['TAILRACE_TEST_POSTGRES'];
  const redisUrl = services.env['TAILRACE_TEST_REDIS'];
  if (databaseUrl === undefined || redisUrl === undefined) throw new Error('needs a PostgreSQL and a Redis');
  const redis = new Redis(redisUrl);
  const database = new Client({ connectionString: databaseUrl });
  try {
    await database.connect();
    const upstream = await processes.startUpstream('openai', 0);
    const options = { kind: 'openai', redis: redisUrl, database: databaseUrl, limited: true } as const;
    const ordinary = await startTailrace(processes, upstream.port, { name: 'tailrace', ...options });
    await wait(2_000);
    const before = await calls(redis);
    await wait(idleSeconds * 1e3);
    const idleCalls = (await calls(redis)) - before;
    const points: MeasuredPoint[] = [];
    for (const [turn, plan] of plans.entries()) {
      const headers = plan.resumable ? 'Tailrace-Resumable: true\r\n' : '';
      const job: LoadJob = {
        kind: 'requests',
        target: { ...ordinary.target, headers },
        pids: ordinary.pids(),
        upstreamPid: upstream.pid,
        order: { records: plan.events, intervalUs: plan.intervalMs * 1e3, together: false },
        perSecond: plan.streamsPerSecond,
        keepAlive: true,
        // The compiler is at work for thousands of requests.
        warmUpMs: (turn === 0 ? 60 : 8) * 1e3,
        measuredMs: seconds * 1e3,
      };
      const counts: Counts[] = [];
      const reading: Promise<void>[] = [];
      const result = await processes.runLoad(job, () => {
        reading.push(countsOf(redis, database).then((seen) => void counts.push(seen)));
      });
      await Promise.all(reading);
      const [from, to] = counts;
      if (result === undefined || from === undefined || to === undefined) throw new Error('nothing measured');
      const each = (count: (counts: Counts) => number) => (count(to) - count(from)) / result.ended;
      points.push({
        name: plan.name,
        streamsPerSecond: plan.streamsPerSecond,
        events: plan.events,
        intervalMs: plan.intervalMs,
        resumable: plan.resumable ?? false,
        endedPerSecond: round(result.ended / result.seconds),
        cpuUsStream: round((result.userUs + result.systemUs) / result.ended),
        redisCallsStream: round(each(({ redisCalls }) => redisCalls)),
        redisBytesStream: round(each(({ redisBytes }) => redisBytes)),
        postgresInsertsStream: round(each(({ inserts }) => inserts)),
        postgresChangesStream: round(each(({ changes }) => changes)),
        postgresCommitsStream: round(each(({ commits }) => commits)),
        postgresWalBytesStream: round(each(({ walBytes }) => walBytes)),
        postgresDiskBytesStream: round(each(({ diskBytes }) => diskBytes)),
      });
      say(JSON.stringify(points.at(-1)));
    }
    return {
      measuredAt: new Date().toISOString().slice(0, 10),
      redisCallsIdleSecond: idleCalls / idleSeconds,
      points,
    };
  } finally {
    redis.disconnect();
    await database.end();
    processes.close();
    await services.stop();
  }
}

interface Counts {
  readonly redisCalls: number;
  readonly redisBytes: number;
  readonly inserts: number;
  readonly changes: number;
  readonly commits: number;
  readonly walBytes: number;
  readonly diskBytes: number;
}

async function countsOf(redis: Redis, database: Client): Promise<Counts> {
  const { rows } = await database.query<Record<string, string>>(`
    select tup_inserted as inserts, tup_updated + tup_deleted as changes, xact_commit as commits,
      pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal,
      (select coalesce(sum(pg_total_relation_size(oid)), 0) from pg_class where relkind = 'r' and relname like 'records%') as disk
    from pg_stat_database where datname = current_database()`);
  const row = rows[0] ?? {};
  const memory = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
  return {
    redisCalls: await calls(redis),
    redisBytes: Number(memory),
    inserts: Number(row['inserts']),
    changes: Number(row['changes']),
    commits: Number(row['commits']),
    walBytes: Number(row['wal']),
    diskBytes: Number(row['disk']),
  };
}

/** What clients have sent to this Redis until now, the questions of this program left out. */
async function calls(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  const counts = Array.from(stats.matchAll(/cmdstat_(\S+):calls=(\d+)/g), ([, name = '', count]) => ({
    name,
    count: Number(count),
  }));
  return counts
    .filter(({ name }) => sentCommands.includes(name) && name !== 'info')
    .reduce((sum, { count }) => sum + count, 0);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
