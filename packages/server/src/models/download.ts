import { mkdir, open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BodyPieces, bodyPieces } from './body-pieces.ts';
import { describeFileError, diskFull } from './file-error.ts';
import {
  describeNetworkError,
  discard,
  type HttpAnswer,
  type HttpClient,
  type Patience,
} from './http-client.ts';
import { found, isFinal, type ModelFailure, type ModelResult, missing } from './model-result.ts';

/*
 * Downloads one file over HTTP. A download is resumed after a cut connection, and by the next process.
 *
 *     <name>.part        the bytes so far
 *     <name>.part.json   which file they belong to: its identity, and the server's validator
 *
 * A part is resumed only where the identity is the same. With If-Range the server sends the whole file where its file has
 * changed. The caller checks the hash of every file, and above all of a resumed one.
 */

export interface Download {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Path of the unfinished file. */
  readonly part: string;
  /** Identifies the content, from whatever server it comes: a hash, else the URL. */
  readonly identity: string;
  /** Bytes that the disk must have free besides the file itself, for what will be made of it. */
  readonly extraBytes: number;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** Called after each piece. `totalBytes`: undefined where the server does not say it. */
  onBytes(receivedBytes: number, totalBytes: number | undefined): void;
}

// The bounds on resumes let a very slow source give way to the next one, although each resume brings some bytes.
const maxResumes = 20;
const fruitfulBytes = 1024 * 1024;

interface PartMeta {
  readonly identity: string;
  readonly validator?: string;
}

/** Downloads into `part` and returns its length in bytes. After a failure the part stays, unless the disk is full. */
export async function download(http: HttpClient, job: Download): Promise<ModelResult<number>> {
  let barren = 0;
  for (let resumes = 0; ; resumes++) {
    const before = await sizeOf(job.part);
    const outcome = await attempt(http, job);
    if (outcome.ok) return outcome;
    if (outcome.failure.code === 'disk_full') await dropPart(job.part);
    if (!isCurable(outcome.failure)) return outcome;
    const after = await sizeOf(job.part);
    barren = after - before >= fruitfulBytes ? 0 : barren + 1;
    if (barren > job.patience.barrenResumes || resumes >= maxResumes) {
      return missing(
        outcome.failure.code,
        `${outcome.failure.message} (resumed ${resumes} times, ${megabytes(after)} so far)`,
      );
    }
    try {
      await sleep(job.patience.backoffMs * 2 ** Math.max(0, barren - 1), undefined, { signal: job.signal });
    } catch {
      return missing('cancelled', 'cancelled');
    }
  }
}

export async function dropPart(part: string): Promise<void> {
  await Promise.all([rm(part, { force: true }), rm(metaFile(part), { force: true })]);
}

function isCurable(failure: ModelFailure): boolean {
  return !isFinal(failure) && (failure.code === 'cut' || failure.code === 'stalled');
}

async function attempt(http: HttpClient, job: Download): Promise<ModelResult<number>> {
  try {
    await mkdir(path.dirname(job.part), { recursive: true });
    const meta = await readMeta(job.part);
    if (meta?.identity !== job.identity) await dropPart(job.part);
    const have = await sizeOf(job.part);
    const range =
      have > 0 ? { range: `bytes=${have}-`, ...(meta?.validator && { 'if-range': meta.validator }) } : {};
    const answer = await http.get(job.url, { headers: { ...job.headers, ...range }, signal: job.signal });
    if (!answer.ok) return answer;
    return await receive(answer.value, have, job);
  } catch (error) {
    return { ok: false, failure: describeFileError(error, job.part) };
  }
}

async function receive(answer: HttpAnswer, have: number, job: Download): Promise<ModelResult<number>> {
  const host = new URL(answer.url).host;
  if (answer.status === 416) {
    // The part is as long as the file or longer. Either the hash accepts it, or the download begins again.
    const whole = Number(/\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1]);
    await discard(answer.body);
    if (whole === have) return found(have);
    await dropPart(job.part);
    return missing('cut', `${host}: the part did not fit the file any more`);
  }
  if (answer.status !== 200 && answer.status !== 206) {
    await discard(answer.body);
    const again = answer.status >= 500 || answer.status === 429 || answer.status === 408;
    return missing(again ? 'cut' : 'refused', `${host} answered ${answer.status}`);
  }
  const pieces = bodyPieces(answer.body);
  try {
    return await keep(answer, pieces, have, job, host);
  } finally {
    answer.body.destroy();
  }
}

async function keep(
  answer: HttpAnswer,
  pieces: BodyPieces,
  have: number,
  job: Download,
  host: string,
): Promise<ModelResult<number>> {
  const from =
    answer.status === 206 ? Number(/^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1]) : 0;
  if (from !== 0 && from !== have) {
    await dropPart(job.part);
    return missing('cut', `${host} answered another range than asked for`);
  }
  const length = answer.headers.get('content-length');
  const total = length === undefined ? undefined : from + Number(length);
  const lacking = total === undefined ? undefined : await lackingRoom(job, total - from);
  if (lacking !== undefined) return { ok: false, failure: lacking };
  await writeMeta(job.part, { identity: job.identity, ...validatorOf(answer) });
  return await store(pieces, from, total, job, host);
}

async function store(
  pieces: BodyPieces,
  from: number,
  total: number | undefined,
  job: Download,
  host: string,
): Promise<ModelResult<number>> {
  const file = await open(job.part, from === 0 ? 'w' : 'r+');
  let at = from;
  try {
    job.onBytes(at, total);
    for await (const piece of pieces) {
      for (let written = 0; written < piece.length; ) {
        written += (await file.write(piece, written, piece.length - written, at + written)).bytesWritten;
      }
      at += piece.length;
      job.onBytes(at, total);
    }
  } finally {
    await file.close();
  }
  if (pieces.error !== undefined) {
    return { ok: false, failure: describeNetworkError(pieces.error, host, job.patience, job.signal) };
  }
  return total === undefined || at === total ? found(at) : missing('cut', `${host}: the connection was cut`);
}

async function lackingRoom(job: Download, bytes: number): Promise<ModelFailure | undefined> {
  const need = bytes + job.extraBytes;
  const disk = await statfs(path.dirname(job.part));
  return disk.bavail * disk.bsize < need ? diskFull(path.dirname(job.part), need) : undefined;
}

/** The strong validator of an answer. With a weak one `If-Range` guarantees nothing. */
function validatorOf(answer: HttpAnswer): { validator?: string } {
  const etag = answer.headers.get('etag');
  if (etag?.startsWith('"')) return { validator: etag };
  const modified = answer.headers.get('last-modified');
  return modified === undefined ? {} : { validator: modified };
}

function metaFile(part: string): string {
  return `${part}.json`;
}

async function readMeta(part: string): Promise<PartMeta | undefined> {
  try {
    const data: unknown = JSON.parse(await readFile(metaFile(part), 'utf8'));
    if (
      typeof data !== 'object' ||
      data === null ||
      !('identity' in data) ||
      typeof data.identity !== 'string'
    )
      return undefined;
    const validator = 'validator' in data && typeof data.validator === 'string' ? data.validator : undefined;
    return { identity: data.identity, ...(validator !== undefined && { validator }) };
  } catch {
    return undefined;
  }
}

async function writeMeta(part: string, meta: PartMeta): Promise<void> {
  await writeFile(metaFile(part), `${JSON.stringify(meta)}\n`);
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
