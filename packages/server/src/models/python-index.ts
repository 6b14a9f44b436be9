import { discard, type HttpClient, type Patience, readText } from './http-client.ts';
import { found, type ModelResult, missing } from './model-result.ts';

/** A wheel in the list of an index. */
export interface WheelLink {
  readonly url: string;
  /** The hash of the wheel; absent where the index does not give it. */
  readonly sha256?: string;
}

export interface WheelName {
  readonly project: string;
  readonly version: string;
}

// A page of the simple API lists every file of one project; the largest known ones are a few mebibytes.
const maxPageBytes = 32 * 1024 * 1024;

const accept =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/** Looks for a pinned wheel on one index with the simple API (PEP 503 and 691). */
export async function findWheel(
  http: HttpClient,
  indexUrl: string,
  wheel: WheelName,
  patience: Patience,
  signal: AbortSignal,
): Promise<ModelResult<WheelLink>> {
  const url = `${indexUrl.replace(/\/+$/, '')}/${normalise(wheel.project)}/`;
  return await findWheelOnPage(http, url, wheel, patience, signal);
}

/** Looks for it on any page with links, such as those of `--find-links`. */
export async function findWheelOnPage(
  http: HttpClient,
  url: string,
  wheel: WheelName,
  patience: Patience,
  signal: AbortSignal,
): Promise<ModelResult<WheelLink>> {
  if (!URL.canParse(url)) return missing('refused', `${JSON.stringify(url)} is no URL`);
  const answer = await http.get(url, { headers: { accept }, signal });
  if (!answer.ok) return answer;
  const host = new URL(url).host;
  if (answer.value.status !== 200) {
    await discard(answer.value.body);
    const why =
      answer.value.status === 404 ? `does not have ${wheel.project}` : `answered ${answer.value.status}`;
    return missing(answer.value.status === 404 ? 'not_found' : 'refused', `${host} ${why}`);
  }
  const text = await readText(answer.value, maxPageBytes, patience, signal);
  if (!text.ok) return text;
  const json = answer.value.headers.get('content-type')?.includes('json') ?? false;
  const links = json ? linksOfJson(text.value) : linksOfHtml(text.value);
  if (links === undefined) return missing('refused', `${host} answered something that is no package index`);
  const link = links.find((candidate) => isWheel(candidate.fileName, wheel));
  if (link === undefined)
    return missing('not_found', `${host} has no wheel of ${wheel.project} ${wheel.version}`);
  // Links are relative to the URL after redirects. User and password of the index are sent to the same host only.
  const target = new URL(link.href, answer.value.url);
  const asked = new URL(url);
  if (target.host === asked.host && target.username === '') {
    target.username = asked.username;
    target.password = asked.password;
  }
  const sha256 = link.sha256 ?? /^#sha256=([0-9a-f]{64})/i.exec(target.hash)?.[1]?.toLowerCase();
  target.hash = '';
  return found({ url: target.href, ...(sha256 !== undefined && { sha256 }) });
}

/** Whether a file name is that of a wheel of this project and version for every machine. */
export function isWheel(fileName: string, wheel: WheelName): boolean {
  const parts = /^([^-]+)-([^-]+)(?:-[^-]+)?-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(fileName);
  if (parts === null) return false;
  return normalise(parts[1] ?? '') === normalise(wheel.project) && parts[2] === wheel.version;
}

interface ListedFile {
  readonly fileName: string;
  readonly href: string;
  readonly sha256?: string;
}

function linksOfJson(text: string): readonly ListedFile[] | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(data) || !Array.isArray(data['files'])) return undefined;
  return data['files'].flatMap((file: unknown): ListedFile[] => {
    if (!isRecord(file)) return [];
    const { filename, url, hashes } = file;
    if (typeof filename !== 'string' || typeof url !== 'string') return [];
    const sha256 =
      isRecord(hashes) && typeof hashes['sha256'] === 'string' ? hashes['sha256'].toLowerCase() : undefined;
    return [{ fileName: filename, href: url, ...(sha256 !== undefined && { sha256 }) }];
  });
}

function linksOfHtml(text: string): readonly ListedFile[] {
  // Each search ends at the next tag, so that a page of unclosed tags is read in linear time.
  return [...text.matchAll(/<a\s[^<>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi)].map((match) => {
    const href = unescapeHtml(match[1] ?? match[2] ?? match[3] ?? '');
    const name =
      href
        .replace(/[?#].*$/s, '')
        .split('/')
        .at(-1) ?? '';
    return { fileName: decoded(name), href };
  });
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** PEP 503. */
function normalise(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
