import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import path from 'node:path';
import type { InstanceKind, InstancePlace } from '../instance.ts';

/** Instances of service.ts. `seen` gets the place of each; `starts` is what its file says at first. */
export function fakeKind(seen: (place: InstancePlace) => void, starts = '0'): InstanceKind {
  return {
    name: 'Fake',
    user: undefined,
    async prepare(place) {
      writeFileSync(path.join(place.folder, 'starts'), starts);
      seen(place);
    },
    command: ({ folder, port }) => ({
      file: process.execPath,
      args: [path.join(import.meta.dirname, 'service.ts'), folder, String(port)],
      env: process.env,
    }),
    isReady: async ({ port }) => (await askFake(port)) !== '',
    url: ({ port }) => `fake://127.0.0.1:${port}`,
  };
}

/** What the service sends; an empty text where it does not run. */
export function askFake(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    createConnection({ port, host: '127.0.0.1' })
      .on('data', (bytes) => {
        text += bytes.toString();
      })
      .on('error', () => {})
      .on('close', () => resolve(text));
  });
}
