import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { UsageRecord } from '../../storage/records.ts';
import {
  startTestApp,
  type TestApp,
  type TestAppOptions,
  testAdminKey,
  testKey,
} from '../../testing/start-app.ts';

/** Each is a model: the steps of its answers. */
const scripts = {
  short: '[{text: [ab, cd]}, {finish: stop}]',
  brief: '[{text: [a]}, {wait: 4ms}, {text: [b]}, {wait: 4ms}, {text: [c]}, {wait: 4ms}, {finish: stop}]',
  endless: '[{repeat: {times: 1000000, steps: [{text: ["drop "]}, {wait: 5ms}]}}]',
  twofold:
    '[{repeat: {times: 1000000, steps: [{text: [one], choice: 0}, {text: [two], choice: 1}, {wait: 5ms}]}}]',
  calling: `[{tool_call: {name: find, arguments: '{"q": "a"}', pieces: ['{"q":', ' "a']}}, hang]`,
  mute: '[hang]',
  torn: '[{text: [begun, " well"]}, {fail: {code: upstream_cut}}]',
  broken: '[{fail: {code: upstream_refused}}]',
};

export type Scripted = keyof typeof scripts | 'taken';

export interface CancellingApp extends TestApp {
  complete(model: Scripted, more?: object, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** A key of another client. */
  readonly otherKey: string;
  /** Resolves with the id of the only run that is at work. */
  running(): Promise<string>;
  cancel(id: string, key?: string): Promise<Response>;
  adminCancel(id: string): Promise<Response>;
  post(
    path: string,
    body: string | undefined,
    key: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /** The record, also while it is open; undefined where there is none. */
  record(id: string): Promise<UsageRecord | undefined>;
}

/** A server with models that answer for ever, fall silent or break; the caller stops it. */
export async function startCancellingApp(
  options: Omit<TestAppOptions, 'config' | 'files'> = {},
): Promise<CancellingApp> {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-cancel-'));
  const script = join(folder, 'answers.yaml');
  const answers = Object.entries(scripts).map(
    ([model, steps]) => `  - {when: {model: ${model}}, steps: ${steps}}\n`,
  );
  // The configuration has its files in memory, and upstreams read theirs from the disk.
  await writeFile(script, `answers:\n${answers.join('')}`);
  const models = Object.keys(scripts).map(
    (name) => `  ${name}: {targets: [{upstream: lab, model: ${name}, takeover: none}]}\n`,
  );
  const taken = `  taken: {targets: [{upstream: lab, model: torn}, {upstream: lab, model: mute, takeover: replay, priority: 1}]}`;
  const app = await startTestApp({
    ...options,
    files: { [script]: '' },
    config: `
upstreams: {lab: {kind: scripted, script: "${script}"}}
models:\n${models.join('')}${taken}
stream: {hold_head: 1m}
timeouts: {stall: 1m}
retry: {per_target: 1}
breaker: {failures: 10000}`,
  });

  const post: CancellingApp['post'] = (path, body, key, headers = {}) =>
    fetch(app.url + path, {
      method: 'POST',
      headers: {
        ...headers,
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    });

  const made = await post('/admin/v1/keys', '{}', testAdminKey);
  const { key: otherKey } = (await made.json()) as { key: string };
  return {
    ...app,
    post,
    otherKey,
    complete: (model, more = {}, headers = {}) =>
      post(
        '/v1/chat/completions',
        JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }], ...more }),
        testKey,
        headers,
      ),
    async running() {
      await expect.poll(() => app.runs.list(), { interval: 1 }).toHaveLength(1);
      return app.runs.list()[0]?.id ?? '';
    },
    cancel: (id, key = testKey) => post(`/v1/chat/completions/${id}/cancel`, undefined, key),
    adminCancel: (id) => post(`/admin/v1/streams/${id}/cancel`, '{}', testAdminKey),
    record: async (id) => (await app.ledger.ledger.records({ id, limit: 1 })).data[0],
    async stop() {
      await app.stop();
      await rm(folder, { recursive: true });
    },
  };
}
