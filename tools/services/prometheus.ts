import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type ServiceInstance, startInstance } from './instance.ts';
import { environmentOf, type Programs } from './programs.ts';

/** Starts a Prometheus that scrapes nothing, over the blocks of a folder, which it owns from then on. The caller calls `remove`. */
export async function startPrometheus(programs: Programs, blocks: string): Promise<ServiceInstance> {
  const url = (port: number) => `http://127.0.0.1:${port}`;
  return await startInstance({
    name: 'Prometheus',
    user: undefined,
    prepare: ({ folder }) => writeFile(path.join(folder, 'prometheus.yaml'), 'scrape_configs: []\n'),
    command: ({ folder, port }) => ({
      file: path.join(programs.bin, 'prometheus'),
      args: [
        `--config.file=${path.join(folder, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${blocks}`,
        // Blocks of any age.
        '--storage.tsdb.retention.time=100y',
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      env: environmentOf(programs),
    }),
    isReady: async ({ port }) => {
      const answer = await fetch(`${url(port)}/-/ready`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    },
    url: ({ port }) => url(port),
  });
}
