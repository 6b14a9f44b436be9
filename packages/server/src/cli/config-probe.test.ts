import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import { probeUpstreams } from '../service/probe-upstreams.ts';
import { chunked, type FakeExchange, type FakeOrigin, startFakeOrigin } from '../transport/fake-origin.ts';
import { configCommand } from './config-command.ts';

const key = 'gsk_live_4711_4711_4711';

let cwd: string;
let origin: FakeOrigin;
let bodies: unknown[];
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tailrace-probe-'));
  bodies = [];
  origin = await startFakeOrigin(answer);
});
afterEach(async () => {
  await origin.close();
  await rm(cwd, { recursive: true });
});

/** Answers by the model's name. */
function answer({ head, body, socket }: FakeExchange): void {
  const asked = JSON.parse(body) as { model: string };
  bodies.push(asked);
  if (asked.model === 'mute') return;
  if (asked.model === 'closed' || (asked.model === 'first key only' && head.includes(key))) {
    const text = JSON.stringify({ error: { message: `no such key: ${key}` } });
    socket.write(`HTTP/1.1 401 X\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    return;
  }
  const whole = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"length"}]}\n\n';
  const torn = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';
  socket.write(chunked([asked.model === 'torn' ? torn : `${whole}data: [DONE]\n\n`]));
}

const upstreams = () => ({ lab: { base_url: `${origin.url.origin}/v1`, api_key: key } });
const config = (sections: object) => writeFile(join(cwd, 'tailrace.yaml'), JSON.stringify(sections));

async function check(...flags: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const status = await configCommand(['check', '--probe', ...flags], { env: {}, cwd, stdout, stderr });
  return { status, out: String(stdout.read() ?? '').split('\n'), err: String(stderr.read() ?? '') };
}

describe('tailrace config check --probe', () => {
  test('calls each target once, also where several models have it, and prints the time to the first token', async () => {
    const targets = [{ upstream: 'lab', model: 'good' }];
    await config({ upstreams: upstreams(), models: { a: { targets }, b: { targets } } });
    const { status, out, err } = await check();
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toEqual([
      'tailrace.yaml: ok (2 models, 1 upstream)',
      expect.stringMatching(/^lab\/good: ok \(first token after \d+ ms\)$/),
      '',
    ]);
    expect(bodies).toEqual([expect.objectContaining({ model: 'good', stream: true })]);
    expect(JSON.stringify(bodies[0])).toMatch(/"max_(completion_)?tokens":1\b/);
    await origin.allClosed();
  });

  test('prints code and detail of each failure, with the host and without the key, and exits 1', async () => {
    const nowhere = await startFakeOrigin(() => {});
    await nowhere.close();
    await config({
      upstreams: { ...upstreams(), gone: { base_url: `${nowhere.url.origin}/v1` } },
      models: {
        a: { targets: ['good', 'closed', 'torn'].map((model) => ({ upstream: 'lab', model })) },
        b: { targets: [{ upstream: 'gone', model: 'x' }] },
      },
    });
    const { status, out } = await check();
    expect(status).toBe(1);
    expect(out.slice(1)).toEqual([
      expect.stringMatching(/^lab\/good: ok /),
      expect.stringMatching(/^lab\/closed: FAILED upstream_auth: .* \[HTTP 401; .*no such key: ….*\]$/),
      expect.stringMatching(/^lab\/torn: FAILED upstream_cut: /),
      expect.stringMatching(/^gone\/x: FAILED upstream_refused: .* \[.*127\.0\.0\.1:\d+.*\]$/),
      '',
    ]);
    expect(out.join('\n')).not.toContain(key);
  });

  test('calls each target with each key of its upstream, and names a refused one by its position', async () => {
    const second = 'gsk_live_4712_4712_4712';
    await config({
      upstreams: { lab: { ...upstreams().lab, api_key: [second, key] } },
      models: { a: { targets: [{ upstream: 'lab', model: 'first key only' }] } },
    });
    const { status, out } = await check();
    expect(status).toBe(1);
    expect(out.slice(1)).toEqual([
      expect.stringMatching(/^lab\/first key only with key 1 of 2: ok /),
      expect.stringMatching(/^lab\/first key only with key 2 of 2: FAILED upstream_auth: .* \[HTTP 401/),
      '',
    ]);
    expect(out.join('\n')).not.toMatch(/4711|4712/);
    expect(bodies).toHaveLength(2);
    await origin.allClosed();
  });

  test('prints why it does not call a target', async () => {
    await writeFile(join(cwd, 'answers.yaml'), 'answers: [{steps: [echo]}]');
    await config({
      upstreams: { ...upstreams(), script: { kind: 'scripted', script: 'answers.yaml' } },
      models: { a: { targets: [{ upstream: 'script' }, { engine: 'smollm2-135m-instruct' }] } },
    });
    expect(await check()).toMatchObject({
      status: 0,
      out: [
        'tailrace.yaml: ok (2 models, 2 upstreams)',
        'script/a: skipped (it answers from a file)',
        'engine/smollm2-135m-instruct: skipped (it runs in the server)',
        'lab: skipped (no model has a target there)',
        '',
      ],
    });
    expect(bodies).toEqual([]);
  });

  test('calls no target where an upstream cannot be made', async () => {
    await config({
      upstreams: { lab: { ...upstreams().lab, ca_file: 'none.pem' } },
      models: { a: { targets: [{ upstream: 'lab' }] } },
    });
    const { status, err } = await check();
    expect({ status, bodies }).toEqual({ status: 2, bodies: [] });
    expect(err).toContain('ca_file');
  });
});

test('a call without an answer ends at the limit, and its connection is closed', async () => {
  await config({ upstreams: upstreams(), models: { a: { targets: [{ upstream: 'lab', model: 'mute' }] } } });
  const loaded = await loadConfig({ env: {}, cwd, flags: {} });
  if (!loaded.ok) throw new Error('the configuration is not valid');
  expect(await probeUpstreams(loaded.config, { env: {} }, 50)).toEqual({
    lines: ['lab/mute: FAILED first_token_timeout: No whole answer within 0.05 s.'],
    ok: false,
    problems: [],
  });
  await origin.allClosed();
});
