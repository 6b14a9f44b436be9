import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Failure, failure } from '../domain/failure.ts';
import { acceptedEncodings } from '../http/accepted-encodings.ts';
import type { BuiltFile } from '../http/built-files.ts';
import { escapeHtml } from '../http/escape-html.ts';
import type { Exchange } from '../http/exchange.ts';
import { namesTag } from '../http/names-tag.ts';
import { replyBytes, replyFailure } from '../http/reply.ts';
import type { Route } from '../http/route.ts';
import { assetHeaders, documentHeaders, etagOf, sendFile } from '../http/send-file.ts';
import { serverBase } from '../http/server-base.ts';
import { wantedType } from '../http/wanted-type.ts';
import { answerHtml, answerJson, answerMarkdown } from './answer.ts';
import type { BuiltDocs } from './built-docs.ts';
import { fillIn, type OwnFacts, variantOf } from './fill-in.ts';
import type { FindPassages } from './passage-finder.ts';
import { suggestPages } from './suggest-pages.ts';

/** The field for a question is in a form. */
const headersOfDocs = { ...documentHeaders({ sendsForms: true }), vary: 'Accept, Accept-Encoding, Host' };

const notBuilt = failure(
  'unknown_url',
  'The docs are not built here. From a clone `npm start` builds them, and its output says why where it cannot.',
);

const html = 'text/html; charset=utf-8';
const markdown = 'text/markdown; charset=utf-8';
/** What is put into a shell stands in place of this; `packages/docs/src/layout/shells.ts` writes it. */
const shellMark = '<!-- here -->';
const longestQuestion = 400;
const passagesQuoted = 8;

export interface DocsParts {
  readonly docs: BuiltDocs;
  readonly find: FindPassages;
  readonly publicUrl: string | undefined;
  /** The server asks for no key. */
  readonly keyless: boolean;
  /** It shows the playground at `/`. */
  readonly hasPage: boolean;
}

/** `/docs` and what is below it, `/llms.txt` and `/llms-full.txt`. They ask for no key: they say what every clone of Tailrace says. */
export function docsRoutes(parts: DocsParts): Route[] {
  const { docs, publicUrl, keyless, hasPage } = parts;

  function factsFor({ request }: Exchange): OwnFacts & { readonly base: string } {
    const base = serverBase(publicUrl, request.headers.host) ?? 'http://127.0.0.1:7245';
    return { base, keyless, hasPage };
  }

  async function handle(exchange: Exchange): Promise<void> {
    const { query, request } = exchange;
    const path = exchange.path === '/docs/' ? '/docs' : exchange.path;
    const found = await docs.find(path);
    if (found === undefined) return notFound(exchange);
    if (path.startsWith('/docs/assets/')) return sendFile(exchange, found, assetHeaders, notBuilt);
    if (found.type !== html) return sendDocument(exchange, found);
    const asked = new URLSearchParams(query);
    const refusal = refusalOf(asked);
    if (refusal !== undefined) return replyFailure(exchange, refusal);
    if ((asked.get('ask') ?? '').trim() !== '') return answer(exchange, asked);
    if (wantedType(request.headers.accept, ['text/html', 'text/markdown']) === 'text/html')
      return sendDocument(exchange, found);
    return sendDocument(
      exchange,
      (await docs.find(path === '/docs' ? '/docs/index.md' : `${path}.md`)) ?? found,
    );
  }

  /** A built text as it is, where it is right for this server; else with the facts of this server, compressed now. */
  async function sendDocument(exchange: Exchange, file: BuiltFile): Promise<void> {
    const facts = factsFor(exchange);
    const variant = file.type.startsWith('text/') ? variantOf(facts) : '';
    if (variant === '') return sendFile(exchange, file, headersOfDocs, notBuilt);
    const { headers } = exchange.request;
    const encoding = acceptedEncodings(headers['accept-encoding']).has('gzip') ? 'gzip' : undefined;
    const all = { ...headersOfDocs, etag: etagOf(`${file.etag}-${variant}`, encoding) };
    if (namesTag(headers['if-none-match'], all.etag)) return replyBytes(exchange, 304, all, Buffer.alloc(0));
    const bytes = await file.bytes(undefined);
    if (bytes === undefined) return replyFailure(exchange, notBuilt);
    const text = Buffer.from(fillIn(bytes.toString('utf8'), file.type, facts));
    // On the thread pool: 2 ms for a page.
    const body = encoding === undefined ? text : await promisify(gzip)(text);
    const coding = encoding === undefined ? {} : { 'content-encoding': encoding };
    return replyBytes(exchange, 200, { ...all, ...coding, 'content-type': file.type }, body);
  }

  async function sendShell(
    exchange: Exchange,
    status: number,
    name: 'not-found' | 'answer',
    content: string,
  ): Promise<void> {
    const shell = await docs.shell(name);
    if (shell === undefined) return replyFailure(exchange, notBuilt);
    const text = fillIn(
      shell.replace(shellMark, () => content),
      html,
      factsFor(exchange),
    );
    return replyBytes(exchange, status, { ...headersOfDocs, 'content-type': html }, Buffer.from(text));
  }

  async function notFound(exchange: Exchange): Promise<void> {
    const facts = await docs.facts();
    if (facts === undefined) return replyFailure(exchange, notBuilt);
    const pages = suggestPages(exchange.path, facts.pages);
    if (wantedType(exchange.request.headers.accept, ['application/json', 'text/html']) === 'text/html') {
      Object.assign(exchange.notes, { code: 'unknown_url', outcome: 'refused' });
      const links = pages.map(
        ({ slug, title }) => `<li><a href="/docs/${escapeHtml(slug)}">${escapeHtml(title)}</a></li>`,
      );
      const content = links.length === 0 ? '' : `<p>You may have meant:</p><ul>${links.join('')}</ul>`;
      return sendShell(exchange, 404, 'not-found', content);
    }
    const names = pages.map(({ slug }) => `'/docs/${slug}'`).join(', ');
    const hint = names === '' ? '' : ` Did you mean ${names}?`;
    const message = `There is no such page of the docs.${hint} All of them: '/llms.txt'.`;
    return replyFailure(exchange, failure('unknown_url', message), { vary: headersOfDocs.vary });
  }

  async function answer(exchange: Exchange, asked: URLSearchParams): Promise<void> {
    const question = (asked.get('ask') ?? '').trim();
    const goal = asked.get('goal')?.trim() || undefined;
    const named = asked.get('format');
    const format = named !== null && isFormat(named) ? named : formatFor(exchange);
    const facts = await docs.facts();
    if (facts === undefined) return replyFailure(exchange, notBuilt);
    const left = new AbortController();
    exchange.response.once('close', () => left.abort());
    const found = await parts.find(
      {
        ...{ finder: facts.finder, passages: facts.passages, question, goal, most: passagesQuoted },
        passagesHtml: format === 'html' ? facts.passagesHtml : undefined,
      },
      { keyId: exchange.request.socket.remoteAddress ?? '', signal: left.signal },
    );
    if (!found.ok) return replyFailure(exchange, found.failure);
    const { base } = factsFor(exchange);
    const whole = { question, goal, base, passages: found.value };
    if (format === 'html') return sendShell(exchange, 200, 'answer', answerHtml(whole));
    const [type, text] =
      format === 'json'
        ? ['application/json; charset=utf-8', answerJson(whole)]
        : [markdown, answerMarkdown(whole)];
    return replyBytes(exchange, 200, { ...headersOfDocs, 'content-type': type }, Buffer.from(text));
  }

  return ['/docs', '/docs/', '/docs/{+id}', '/llms.txt', '/llms-full.txt'].map((path) => ({
    method: 'GET',
    path,
    access: 'public',
    handle,
  }));
}

/** What is wrong with the query, also where it has no question: then a page would come, as if all had been taken. */
function refusalOf(asked: URLSearchParams): Failure | undefined {
  for (const param of ['ask', 'goal']) {
    const { length } = (asked.get(param) ?? '').trim();
    if (length <= longestQuestion) continue;
    const message = `'${param}' has at most ${longestQuestion} characters; this one has ${length}.`;
    return failure('invalid_value', message, { param });
  }
  const format = asked.get('format');
  if (format === null || isFormat(format)) return undefined;
  return failure('invalid_value', `'format' is ${formats.join(', ')}.`, { param: 'format' });
}

const formats = ['json', 'markdown', 'html'] as const;
type Format = (typeof formats)[number];

function isFormat(text: string): text is Format {
  return formats.some((format) => format === text);
}

function formatFor({ request }: Exchange): Format {
  const wanted = wantedType(request.headers.accept, ['text/markdown', 'application/json', 'text/html']);
  return wanted === 'application/json' ? 'json' : wanted === 'text/html' ? 'html' : 'markdown';
}
