import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { roundsOf, seedOf } from '../../packages/server/src/testing/suite-part.ts';
import { startChild } from '../support/child.ts';
import { createScratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';

/*
 * schemathesis makes requests from `GET /openapi.json`, valid ones and ones with a mistake, and holds each answer to the document: its
 * status, its media type, its headers, its schema with the codes of the route; no mistake may be accepted, no key ignored, and nothing
 * may end in 500. `npm test` plays a few requests of each route, which a seed draws; `npm run soak -- --only openapi` plays its whole
 * catalogue of edge cases and a hundred random requests each.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const windows = process.platform === 'win32';
const schemathesis = path.join(
  root,
  '.tools/venv-openapi',
  windows ? 'Scripts/schemathesis.exe' : 'bin/schemathesis',
);
const without = existsSync(schemathesis) ? '' : ', skipped: npm test could not make .tools/venv-openapi';

const script = `
answers:
  - when: {last_message_contains: city}
    steps: [{text: '{"name": "Bern"}'}]
  - steps: [{text: Hello!}]
`;

describe.skipIf(without !== '')(`the API by its document${without}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      model: 'none',
      files: { 'answers.yaml': script },
      config: {
        server: { max_body: '1MiB' },
        upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
        models: { default: { targets: [{ upstream: 'lab', model: 'demo' }] } },
      },
    });
  });
  afterAll(() => server?.stop());

  test('every answer is one that the document has', async () => {
    const scratch = createScratch('openapi');
    try {
      const config = scratch.write('schemathesis.toml', settings(server, await idsOf(server)));
      const child = startChild(
        schemathesis,
        [
          ...['--config-file', config, 'run', `http://127.0.0.1:${server.port}/openapi.json`],
          ...[
            // All checks, which is the default; `--checks all` would pass over what the file says of some.
            '--phases',
            roundsOf(1, 0) === 1 ? 'examples,coverage,fuzzing' : 'examples,fuzzing',
          ],
          // What it calls valid may name a model that there is not, or break a rule between two fields.
          ...['--exclude-checks', 'positive_data_acceptance'],
          // They lead to a provider of identities, which test/oidc plays.
          ...['--exclude-path-regex', '/session/oidc'],
          ...['--max-examples', String(roundsOf(100, 5)), '--seed', String(seedOf())],
          ...['--warnings', 'off', '--no-color', '--no-shrink', '--continue-on-failure'],
        ],
        { cwd: scratch.path },
      );
      const { code } = await child.exited;
      const output = child.stdout() + child.stderr();
      expect(code === 0 ? '' : output).toBe('');
      // Else it has found nothing to ask.
      const [, tested = '0'] = /Tested: (\d+)/.exec(output) ?? [];
      expect(Number(tested)).toBeGreaterThan(40);
    } finally {
      scratch.remove();
    }
  });
});

interface Ids {
  readonly key: string;
  readonly completion: string;
}

/** A key, an owner and a kept stream: random ids would only ever be 404. */
async function idsOf({ baseUrl, apiKey, adminKey }: TestServer): Promise<Ids> {
  const json = { 'content-type': 'application/json' };
  const made = await fetch(`${baseUrl}/admin/v1/keys`, {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ owner: 'acme' }),
  });
  const { id } = (await made.json()) as { readonly id?: string };
  const answer = await fetch(`${baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${apiKey}`, 'tailrace-resumable': 'true' },
    body: JSON.stringify({ model: 'default', stream: true, messages: [{ role: 'user', content: 'Hello!' }] }),
  });
  await answer.text();
  const completion = answer.headers.get('tailrace-completion-id');
  // Without them every route with an id would only be asked for what there is not.
  if (id === undefined || completion === null)
    throw new Error(`no key (${id}) or no completion (${completion})`);
  return { key: id, completion };
}

function settings({ apiKey, adminKey }: TestServer, { key, completion }: Ids): string {
  const ids = {
    '^/admin/v1/keys/.id': key,
    '^/admin/v1/owners/.id': 'acme',
    '^/admin/v1/requests/.id': completion,
    '^/admin/v1/streams/.id': completion,
    '^/v1/chat/completions/.id': completion,
    '^/v1/streams/.id': completion,
    '^/v1/models/.id': 'default',
  };
  // A signed address that is not right names nothing: 404, whoever asks.
  const without: Readonly<Record<string, string>> = {
    '^/v1/streams/.id': 'checks.ignored_auth.enabled = false',
  };
  const operations = Object.entries(ids).map(
    ([at, id]) =>
      `[[operations]]\ninclude-path-regex = "${at}"\nparameters = { "path.id" = "${id}" }\n${without[at] ?? ''}\n`,
  );
  return [
    `[auth.openapi.apiKey]\nbearer = "${apiKey}"\n`,
    `[auth.openapi.adminKey]\nbearer = "${adminKey}"\n`,
    // The scripted upstream says the same to everybody, so a format that a request asks for is 502, and a deadline 504.
    '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 502, 503, 504]\n',
    '[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 431]\n',
    ...operations,
  ].join('\n');
}
