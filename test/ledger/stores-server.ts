import { oneAttempt } from '../support/lab.ts';
import type { ConfigTree, ServerOptions } from '../support/server.ts';

/*
 * Scripts of some hundred milliseconds: with sixteen clients most requests run when the server is killed, and many end just
 * before it.
 */
const scripts = {
  short: [{ text: ['drop ', 'drop.'] }, { finish: 'stop' }],
  long: [{ repeat: { times: 8, steps: [{ text: ['drop '] }, { wait: '30ms' }] } }, { finish: 'stop' }],
  slow: [
    { wait: '200ms' },
    { repeat: { times: 20, steps: [{ text: ['drop '] }, { wait: '50ms' }] } },
    { finish: 'stop' },
  ],
  /** Some ten minutes. */
  lasting: [{ repeat: { times: 6000, steps: [{ text: ['drop '] }, { wait: '100ms' }] } }, { finish: 'stop' }],
} as const;

export interface Stores {
  readonly databaseUrl?: string | undefined;
  readonly redisUrl?: string | undefined;
}

/** A server without an engine, with models of the scripted upstream, on these stores. */
export function storesServer({ databaseUrl, redisUrl }: Stores, config: ConfigTree = {}): ServerOptions {
  return {
    model: 'none',
    files: {
      'answers.yaml': {
        answers: Object.entries(scripts).map(([model, steps]) => ({ when: { model }, steps })),
      },
    },
    config: {
      ...oneAttempt,
      timeouts: { total: '15m' },
      upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
      models: Object.fromEntries(
        Object.keys(scripts).map((name) => [`lab/${name}`, { targets: [{ upstream: 'lab', model: name }] }]),
      ),
      ...config,
    },
    env: {
      ...(databaseUrl === undefined ? {} : { TAILRACE_DATABASE_URL: databaseUrl }),
      ...(redisUrl === undefined ? {} : { TAILRACE_REDIS_URL: redisUrl }),
    },
  };
}
