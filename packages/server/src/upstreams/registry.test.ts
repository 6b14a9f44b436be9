import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { UpstreamConfig } from '../config/config.ts';
import { type CreatedUpstreams, createUpstreams } from './registry.ts';

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

  const create = (entries: Record<string, Partial<UpstreamConfig>>, before?: CreatedUpstreams) =>
    createUpstreams(
      new Map(
        Object.entries(entries).map(([name, config]) => [
          name,
          { kind: 'scripted' as const, headers: {}, ...config },
        ]),
      ),
      {},
      before,
    );

  test('makes a scripted upstream under its name', async () => {
    const { upstreams, problems } = await create({ lab: { script: join(folder, 'good.yaml') } });
    expect(problems).toEqual([]);
    expect([...upstreams].map(([name, upstream]) => [name, upstream.name])).toEqual([['lab', 'lab']]);
  });

  const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

  test.each<[string, (file: string) => unknown, string, string]>([
    ['has gone', () => {}, 'there is no such file', 'there is no such file'],
    ['is empty', (file) => writeFile(file, ''), 'expected object', 'it has none'],
    ['is a folder', (file) => mkdir(file), 'it is a folder', 'it is a folder'],
    ['is a pipe', (file) => execFileSync('mkfifo', [file]), 'no regular file', 'no regular file'],
    ['is no text', (file) => writeFile(file, Buffer.from([0xff])), 'not UTF-8', 'not UTF-8'],
    [
      'breaks off',
      (file) => writeFile(file, `${certificate}${certificate.slice(0, 40)}`),
      'answers.yaml',
      'its last certificate breaks off',
    ],
    [
      'is endless',
      (file) => writeFile(file, ' '.repeat(17 * 1024 ** 2)),
      'larger than 16MiB',
      'larger than 1MiB',
    ],
  ])(
    'a script or certificate whose file %s is a problem that names the upstream',
    async (_, make, script, ca) => {
      const own = await mkdtemp(join(folder, 'own-'));
      const file = join(own, 'answers.yaml');
      await make(file);
      const { problems, upstreams } = await create({
        scripted: { script: file },
        remote: { kind: 'openai', preset: 'openai', caFile: file },
      });
      expect(upstreams.size).toBe(0);
      expect(problems.some((line) => line.startsWith('upstreams.scripted: ') && line.includes(script))).toBe(
        true,
      );
      expect(
        problems.some((line) => line.startsWith('upstreams.remote: ca_file: ') && line.includes(ca)),
      ).toBe(true);
    },
  );

  test('reports an upstream that cannot be made as a problem with its name, and makes the others', async () => {
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

  test('keeps the thread that validates answers at a reload, with the time that keys have used', async () => {
    const before = await create({ lab: { script: join(folder, 'good.yaml') } });
    const after = await create({ other: { script: join(folder, 'good.yaml') } }, before);
    expect(after.schemas).toBe(before.schemas);
  });

  test.each([
    ['stays the same', {}, 'two'],
    ['has another URL', { baseUrl: 'http://127.0.0.1:8/v1' }, 'one'],
  ])('keeps the rests of its keys at a reload where the provider %s', async (_, changed, next) => {
    const lab = { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1' } as const;
    const before = await create({ lab: { ...lab, apiKeys: ['one', 'two'] } });
    before.made.get('lab')?.keys?.take().failed('refused', undefined);
    const after = await create({ lab: { ...lab, ...changed, apiKeys: ['one', 'two', 'three'] } }, before);
    const turn = after.made.get('lab')?.keys?.take();
    expect(turn?.requestHeaders['authorization']).toBe(`Bearer ${next}`);
  });

  test('keeps an upstream with the same configuration at a reload; makes the others anew and retires the old ones', async () => {
    const kept = { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1' } as const;
    const before = await create({
      kept,
      moved: { ...kept, preset: 'vllm' },
      gone: { kind: 'anthropic' },
      lab: { script: join(folder, 'good.yaml') },
    });
    const next = await create(
      { kept, moved: { ...kept, preset: 'sglang' }, lab: { script: join(folder, 'good.yaml') } },
      before,
    );
    const same = [...next.upstreams].map(([name, upstream]) => [
      name,
      upstream === before.upstreams.get(name),
    ]);
    // An upstream with a script is made anew: the file may have changed.
    expect(same).toEqual([
      ['kept', true],
      ['moved', false],
      ['lab', false],
    ]);
    const retired: string[] = [];
    for (const [name, made] of before.made)
      vi.spyOn(made, 'retire').mockImplementation(() => void retired.push(name));
    before.retire(next);
    expect(retired).toEqual(['moved', 'gone', 'lab']);
  });
});
