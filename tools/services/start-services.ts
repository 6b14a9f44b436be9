import type { Report } from '../report.ts';
import type { ServiceInstance } from './instance.ts';
import { startPostgres } from './postgres.ts';
import { bringPrograms, type Programs, type ServiceName } from './programs.ts';
import { startRedis } from './redis.ts';

/** The servers that tests share. */
export interface Services {
  /** Their addresses, as tests read them from the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends them and deletes their data. Where this process ends without it, a guard process does the same. */
  stop(): Promise<void>;
}

/** What tests share is never killed: with a wait for the disk at each commit the tests of the store take twice as long. */
const startSharedPostgres = (programs: Programs) => startPostgres(programs, { waitsForDisk: false });

const kinds = [
  { name: 'PostgreSQL', variable: 'TAILRACE_TEST_POSTGRES', start: startSharedPostgres },
  { name: 'Redis', variable: 'TAILRACE_TEST_REDIS', start: startRedis },
] as const;

/**
 * Starts the servers whose variable the environment does not have, at the same time. What cannot be had is reported, and has
 * no variable. With `unpacked` the programs are Debian's packages, also where they are installed.
 */
export async function startServices(
  report: Report,
  { unpacked = false }: { readonly unpacked?: boolean } = {},
): Promise<Services> {
  const env: Record<string, string> = {};
  const instances: ServiceInstance[] = [];
  await Promise.all(
    kinds.map(async ({ name, variable, start }) => {
      const given = process.env[variable];
      if (given !== undefined && given !== '') {
        env[variable] = given;
        return;
      }
      const started = await startOne(name, start);
      if (!started.ok) {
        report.complain(name, started.why);
        return;
      }
      instances.push(started.instance);
      env[variable] = started.instance.url;
    }),
  );
  return {
    env,
    async stop() {
      await Promise.all(instances.map((instance) => instance.remove()));
    },
  };

  async function startOne(
    name: ServiceName,
    start: (programs: Programs) => Promise<ServiceInstance>,
  ): Promise<{ ok: true; instance: ServiceInstance } | { ok: false; why: string }> {
    const brought = await bringPrograms(name, { say: report.say, unpacked });
    if (!brought.ok) return brought;
    try {
      return { ok: true, instance: await start(brought.programs) };
    } catch (error) {
      return { ok: false, why: error instanceof Error ? error.message : String(error) };
    }
  }
}
