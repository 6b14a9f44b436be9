// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like that.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../testing/memory-files.ts';
import { createUpstreams } from '../upstreams/registry.ts';
import { formatProblem } from './config-problem.ts';
import { withVariableNames } from './environment-values.ts';
import { loadConfig } from './load-config.ts';

const folder = '/etc/tailrace';

function load(yaml: string, env: Readonly<Record<string, string>>) {
  const files = memoryFiles(folder, { 'tailrace.yaml': yaml, 'there.pem': 'x' });
  return loadConfig({ env, cwd: folder, files });
}

async function said(yaml: string, env: Readonly<Record<string, string>>): Promise<string> {
  const loaded = await load(yaml, env);
  if (!loaded.ok) return loaded.problems.map(formatProblem).join('\n');
  const { problems } = await createUpstreams(loaded.config.upstreams);
  return [...loaded.warnings, ...problems.map(withVariableNames(() => loaded.environmentValues))].join('\n');
}

describe('a value from the environment', () => {
  it.each([
    ['upstreams: {a: {base_url: "${X}"}}', 'got the value of ${X}'],
    ['upstreams: {a: {kind: "${X}"}}', 'got the value of ${X}'],
    ['upstreams: {a: {preset: "${X}"}}', 'got the value of ${X}'],
    ['upstreams: {a: {preset: "${X}-${Y}"}}', 'got the values of ${X}, ${Y}'],
    ['upstreams: {a: {preset: groq, ca_file: "${X}"}}', 'there is no regular file by the value of ${X}'],
    ['upstreams: {a: {kind: scripted, script: "./${X}"}}', 'there is no regular file by the value of ${X}'],
    ['models: {m: {targets: [{upstream: "${X}"}]}}', 'got the value of ${X}'],
    ['models: {m: {targets: [{engine: m}], fallbacks: ["${X}"]}}', 'got the value of ${X}'],
    ['models: {m: {targets: [], aliases: ["${X}", "${X}"]}, n: {aliases: ["${X}"]}}', 'value of ${X}'],
    ['server: {listen: "${X}", cors_origins: ["${X}"]}', 'got the value of ${X}'],
    ['timeouts: {total: "a${X}"}', 'got the value of ${X}'],
  ])('%s is named and not shown', async (yaml, message) => {
    const text = await said(yaml, { X: 'opn-ai secret', Y: 'another secret' });
    expect(text).toContain(message);
    expect(text).not.toMatch(/secret|opn/);
    // The name that is similar to a secret reveals a part of it.
    expect(text).not.toContain('did you mean');
  });

  it('is shown as its variable where it is empty, and the default of the file is shown as it is', async () => {
    expect(await said('timeouts: {total: "${X}"}', { X: '' })).toContain(
      'got the value of ${X}, which is empty',
    );
    expect(await said('timeouts: {total: "${X:-soon}"}', {})).toContain('got "soon"');
  });

  it('a value of TAILRACE_LISTEN is not shown as the variable that the file uses for the same key', async () => {
    const text = await said('server: {listen: "${X}"}', { X: 'opn-ai secret', TAILRACE_LISTEN: 'nowhere' });
    expect(text).toContain('TAILRACE_LISTEN: server.listen');
    expect(text).toContain('got "nowhere"');
  });

  it('is in no message about any value', { timeout: 30_000 }, async () => {
    const places = [
      'server: {listen: %, data_dir: %, public_url: %, workers: %, max_body: %, cors_origins: [%]}',
      'engine: {enabled: %, threads: %, models: {e: {file: %, sequences: %, context: %}}}',
      'upstreams: {a: {kind: %, base_url: %, api_key: %, headers: {x-a: %}}}',
      'upstreams: {a: {preset: %, proxy: %, ca_file: %}}',
      'upstreams: {a: {base_url: "http://h/v1", proxy: %, ca_file: there.pem}}',
      'upstreams: {a: {kind: scripted, script: %}}',
      'upstreams: {a: {kind: gemini, preset: %, script: %}}',
      'models: {m: {aliases: [%, %], targets: [{upstream: %, model: %, takeover: %}], fallbacks: [%], balance: %}}',
      'models: {m: {targets: [{engine: %}]}, n: {targets: [{engine: x, upstream: %}], price: {input: %}}}',
      'timeouts: {connect: %, total: %}',
      'stream: {keepalive: %, max_event: %}',
      'logging: {level: %, format: %, content: %}',
      'storage: {database_url: %, redis_url: %, retention: %}',
      'auth: {api_keys: [%], admin_keys: [%], key_prefix: %, required: %}',
      'auth: {api_keys: %}',
      'telemetry: %',
      '%: 1',
      'server: {listen: [%}',
    ];
    const beginning = fc.constantFrom(
      '',
      'http://',
      'https://u:',
      'sk-',
      '127.0.0.1:',
      '/',
      'redis://',
      '"',
      '\n',
      ' ',
    );
    const secret = fc
      .tuple(beginning, fc.stringMatching(/^[A-Za-z0-9 "\\/:@?&=%.é\n\u200b-]{0,120}$/))
      .map(([head, rest]) => `${head}Qx7${rest}Zw9`);
    const written = fc.constantFrom(
      '"${X}"',
      '"a${X}b"',
      '"${NONE:-}${X}"',
      '"http://${X}"',
      '"${X}${X}"',
      '"10${X}"',
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), secret, written, async (place, value, reference) => {
        const text = await said(place.replaceAll('%', reference), { X: value });
        expect(text).not.toMatch(/Qx7|Zw9/);
      }),
      { numRuns: 300 },
    );
  });
});

describe('keys', () => {
  it.each([70_000, 4_097])('of %i characters are refused', async (length) => {
    const env = { X: 'x'.repeat(length) };
    expect(await said('upstreams: {a: {preset: groq, api_key: "${X}"}}', env)).toMatch(/at most 4096/);
    expect(await said('auth: {api_keys: ["${X}"]}', env)).toMatch(/at most 4096/);
    expect(await said('upstreams: {a: {preset: groq, headers: {x-a: "${X}"}}}', env)).toMatch(/at most 4096/);
  });

  it.each(['a\nb', 'a b', 'ключ', 'a\u0000'])(
    'such as %j, which no header can hold, are refused',
    async (key) => {
      expect(await said('upstreams: {a: {preset: groq, api_key: "${X}"}}', { X: key })).toContain(
        'expected a key',
      );
    },
  );
});
