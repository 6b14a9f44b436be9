import { createConnection } from 'node:net';
import path from 'node:path';
import { type ServiceInstance, startInstance } from './instance.ts';
import { environmentOf, type Programs } from './programs.ts';

/** Starts a Redis of its own on 127.0.0.1, which keeps nothing over its end. The caller calls `remove`. */
export async function startRedis(programs: Programs): Promise<ServiceInstance> {
  return await startInstance({
    name: 'Redis',
    user: undefined,
    async prepare() {},
    command: ({ folder, port }) => ({
      file: path.join(programs.bin, 'redis-server'),
      // The command line stays as it is, and the folder in it.
      args: [
        '--dir',
        folder,
        '--set-proc-title',
        'no',
        ...Object.entries(settings(port)).flatMap(([key, value]) => [`--${key}`, value]),
      ],
      env: environmentOf(programs),
    }),
    isReady: ({ port }) => answersPing(port),
    url: ({ port }) => `redis://127.0.0.1:${port}`,
  });
}

function settings(port: number): Readonly<Record<string, string>> {
  return {
    port: String(port),
    bind: '127.0.0.1',
    'protected-mode': 'yes',
    save: '',
    appendonly: 'no',
    // Each test takes a database of its own.
    databases: '1024',
  };
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'));
    const end = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('data', (bytes) => end(bytes.toString('latin1').startsWith('+PONG')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
