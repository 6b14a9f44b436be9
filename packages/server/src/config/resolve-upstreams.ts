import type { UpstreamConfig } from './config.ts';
import { type ConfigPath, expected } from './config-problem.ts';
import { engineUpstream, isUpstreamName } from './names.ts';
import type { ResolveContext } from './resolve-context.ts';
import type { RawConfig, RawUpstream } from './schema.ts';

/** The upstreams by name. Checks the keys that each kind needs or does not use. */
export function resolveUpstreams(
  raw: RawConfig['upstreams'],
  context: ResolveContext,
): ReadonlyMap<string, UpstreamConfig> {
  const upstreams = new Map<string, UpstreamConfig>();
  for (const [name, upstream] of Object.entries(raw)) {
    const path = ['upstreams', name];
    if (name === engineUpstream) {
      context.problems.report(path, 'this name stands for the local engine; choose another', 'key');
    } else if (!isUpstreamName(name)) {
      context.problems.report(path, expected('a name of letters, digits and . _ -', name, []), 'key');
    }
    checkKind(upstream, path, context);
    upstreams.set(name, {
      kind: upstream.kind,
      headers: upstream.headers,
      ...(upstream.preset !== undefined && { preset: upstream.preset }),
      ...(upstream.base_url !== undefined && { baseUrl: upstream.base_url }),
      ...(upstream.api_key !== undefined && { apiKeys: upstream.api_key }),
      ...(upstream.proxy !== undefined && { proxy: upstream.proxy }),
      ...(upstream.ca_file !== undefined && { caFile: context.file([...path, 'ca_file'], upstream.ca_file) }),
      ...(upstream.script !== undefined && { script: context.file([...path, 'script'], upstream.script) }),
    });
  }
  return upstreams;
}

const networkKeys = ['preset', 'base_url', 'api_key', 'ca_file', 'proxy'] as const;
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function checkKind(upstream: RawUpstream, path: ConfigPath, context: ResolveContext): void {
  const { problems } = context;
  if (problems.has([...path, 'kind'])) return; // the needs of an unknown kind are unknown
  const unused = (key: string): void =>
    problems.report([...path, key], `kind ${upstream.kind} does not use ${key}`, 'key');
  if (upstream.kind === 'scripted') {
    for (const key of networkKeys) if (upstream[key] !== undefined) unused(key);
    if (upstream.script === undefined) {
      problems.report(
        [...path, 'script'],
        'kind scripted needs the file with its answers: script: ./answers.yaml',
      );
    }
  } else if (upstream.script !== undefined) unused('script');
  if (upstream.kind !== 'openai' && upstream.kind !== 'scripted' && upstream.preset !== undefined)
    unused('preset');
  if (upstream.kind === 'openai' && upstream.preset === undefined && upstream.base_url === undefined) {
    problems.report([...path, 'base_url'], 'kind openai needs a base_url (http://host:port/v1) or a preset');
  }
  checkHeaderNames(upstream.headers, path, context);
}

/** Reports the names under `headers` that are none of HTTP. */
export function checkHeaderNames(
  headers: Readonly<Record<string, string>>,
  path: ConfigPath,
  { problems }: Pick<ResolveContext, 'problems'>,
): void {
  for (const name of Object.keys(headers)) {
    if (headerName.test(name)) continue;
    problems.report([...path, 'headers', name], 'this is not the name of an HTTP header', 'key');
  }
}
