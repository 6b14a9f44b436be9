import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UpstreamConfig } from '../config/config.ts';
import { createUpstreams } from './registry.ts';

describe('creating the configured upstreams', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tailrace-registry-'));
    await writeFile(join(folder, 'good.yaml'), 'answers: [{steps: [echo]}]');
    await writeFile(join(folder, 'bad.yaml'), 'answers:\n  - steps: [ecko]\n');
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  const create = (entries: Record<string, Partial<UpstreamConfig>>) =>
    createUpstreams(
      new Map(
        Object.entries(entries).map(([name, config]) => [
          name,
          { kind: 'scripted' as const, headers: {}, ...config },
        ]),
      ),
    );

  test('a scripted one is made under its name', async () => {
    const { upstreams, problems } = await create({ lab: { script: join(folder, 'good.yaml') } });
    expect(problems).toEqual([]);
    expect([...upstreams].map(([name, upstream]) => [name, upstream.name])).toEqual([['lab', 'lab']]);
  });

  test('one that cannot be made is a problem that names it, and the others are made', async () => {
    const { upstreams, problems } = await create({
      broken: { script: join(folder, 'bad.yaml') },
      empty: {},
      cloud: { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1' },
      nowhere: { kind: 'openai', preset: 'vllm' },
      claude: { kind: 'anthropic' },
      stars: { kind: 'gemini' },
      mars: { kind: 'gemini', baseUrl: 'mars' },
      lab: { script: join(folder, 'good.yaml') },
    });
    expect([...upstreams.keys()]).toEqual(['cloud', 'claude', 'stars', 'lab']);
    expect(problems).toEqual([
      expect.stringMatching(
        /^upstreams\.broken: .*bad\.yaml:2: answers\[0\]\.steps\[0\]: expected a step with one of /,
      ),
      'upstreams.empty: kind scripted needs script: the file with its answers',
      'upstreams.nowhere: preset vllm needs a base_url',
      'upstreams.mars: base_url is not a URL',
    ]);
  });
});
