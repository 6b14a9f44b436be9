import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '../run.ts';
import { type InstancePlace, type ServiceInstance, startInstance } from './instance.ts';
import { environmentOf, type Programs } from './programs.ts';
import { postmasterFile } from './remove-instance.ts';
import { isOpenToAll, serviceUser } from './service-user.ts';

/**
 * Starts a PostgreSQL of its own on 127.0.0.1, whose superuser `postgres` needs no password. What it has committed is on
 * the disk (`fsync` is on), except where it is told not to wait for that: then it survives a killed process, not a loss of power.
 * The caller calls `remove`.
 */
export async function startPostgres(
  programs: Programs,
  { waitsForDisk = true } = {},
): Promise<ServiceInstance> {
  const user = serviceUser();
  // Packages that were unpacked where that user may not enter are copied into the folder of the instance.
  const copied = user !== undefined && programs.unpacked !== undefined && !isOpenToAll(programs.bin);
  const programsIn = ({ folder }: InstancePlace): Programs => {
    if (programs.unpacked === undefined || !copied) return programs;
    const unpacked = path.join(folder, 'programs');
    return { bin: path.join(unpacked, path.relative(programs.unpacked, programs.bin)), unpacked };
  };
  return await startInstance({
    name: 'PostgreSQL',
    user,
    async prepare(place) {
      if (programs.unpacked !== undefined && copied)
        await cp(programs.unpacked, path.join(place.folder, 'programs'), {
          recursive: true,
          verbatimSymlinks: true,
        });
      const { bin } = programsIn(place);
      const made = await run(
        path.join(bin, 'initdb'),
        // The order of texts does not depend on what the machine's user speaks.
        ['-D', dataOf(place), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
        {
          cwd: place.folder,
          env: environmentOf(programsIn(place)),
          ...(user === undefined ? {} : { user }),
        },
      );
      if (made.code !== 0) throw new Error(`initdb does not make a database: ${made.output}`);
    },
    command: (place) => ({
      file: path.join(programsIn(place).bin, 'postgres'),
      args: [
        '-D',
        dataOf(place),
        ...Object.entries(settings(place, waitsForDisk)).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      env: environmentOf(programsIn(place)),
    }),
    async isReady(place, pid) {
      const text = await readFile(path.join(place.folder, postmasterFile), 'utf8').catch(() => '');
      const lines = text.split('\n');
      return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
    },
    url: ({ port }) => `postgresql://postgres@127.0.0.1:${port}/postgres`,
  });
}

const dataOf = ({ folder }: InstancePlace): string => path.join(folder, 'data');

function settings({ port, mark }: InstancePlace, waitsForDisk: boolean): Readonly<Record<string, string>> {
  return {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // Part of the command line of each of its processes.
    cluster_name: mark,
    // Files in the data folder: what a killed server leaves in /dev/shm would stay there.
    dynamic_shared_memory_type: 'mmap',
    max_connections: '200',
    jit: 'off',
    ...(waitsForDisk ? {} : { fsync: 'off', full_page_writes: 'off' }),
  };
}
