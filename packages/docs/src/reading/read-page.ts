import { Marked, type RendererObject, type Token, type Tokens } from 'marked';
import { type CodeColours, plainLines } from '../code/code-colours.ts';
import { type CodeBlock, codeHtml } from '../code/code-html.ts';
import { readInfoString } from '../code/info-string.ts';
import { slugOf } from '../contents.ts';
import { escapeFilled, escapeHtml } from '../html.ts';
import { createAnchors } from './anchors.ts';
import type { DocPage, Heading, Passage } from './doc-page.ts';
import { createLinks, type LinkTarget, withLinks } from './links.ts';
import { passagesOf } from './passages.ts';
import { plainText } from './plain-text.ts';
import { tableHtml } from './table-html.ts';

export interface PageSource {
  /** Below the folder of the docs. */
  readonly file: string;
  readonly text: string;
  /** The files of all pages. */
  readonly pages: readonly string[];
  readonly colours: CodeColours;
}

/** Reads a page of Markdown, and makes HTML of it. Throws where it has no title. */
export async function readPage({ file, text, pages, colours }: PageSource): Promise<DocPage> {
  const slug = slugOf(file);
  const linkTo = createLinks(file, pages);
  const code = new Map<Tokens.Code, CodeBlock>();
  const marked = new Marked({ gfm: true, renderer: rendererOf(linkTo, slug, code) });
  const tokens = marked.lexer(text);
  const blocksOfCode: Tokens.Code[] = [];
  marked.walkTokens(tokens, (token) => {
    if (token.type === 'code') blocksOfCode.push(token as Tokens.Code);
  });
  for (const token of blocksOfCode) {
    const info = readInfoString(token.lang);
    code.set(token, { info, lines: await colours(token.text, info.language) });
  }

  const titleToken = tokens.find(
    (token): token is Tokens.Heading => token.type === 'heading' && token.depth === 1,
  );
  if (titleToken === undefined) throw new Error(`${file} has no title`);
  const title = plainText(titleToken.tokens);
  const first = tokens.find((token): token is Tokens.Paragraph => token.type === 'paragraph');

  const anchors = createAnchors();
  const headings: Heading[] = [];
  const passages: Passage[] = [];
  const passagesHtml: string[] = [];
  let place: Omit<Passage, 'text'> = { slug, anchor: '', title, headings: [] };
  let blocks: string[] = [];
  let html = '';
  let groups = 0;
  const toPage = absoluteTarget(linkTo);
  // It stands on another page: its links name their page, and its code is new to the renderer.
  const apart = new Marked({ gfm: true, renderer: rendererOf(linkTo, '', new Map()) });
  const endPassage = (): void => {
    for (const { text: source } of passagesOf(place, blocks)) {
      passages.push({ ...place, text: withLinks(source, toPage) });
      passagesHtml.push(apart.parse(source, { async: false }));
    }
    blocks = [];
  };
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if (token.type === 'heading') {
      endPassage();
      const { depth, tokens: words, text: raw } = token as Tokens.Heading;
      const anchor = anchors(raw);
      if (token === titleToken) continue;
      const heading = plainText(words);
      if (depth === 2 || depth === 3) headings.push({ level: depth, anchor, text: heading });
      const above = depth <= 2 ? [] : place.headings.slice(0, depth - 2);
      place = { slug, anchor, title, headings: [...above, heading] };
      html += headingHtml(
        depth,
        anchor,
        heading,
        marked.parser([{ type: 'text', raw, text: raw, tokens: words }]),
      );
      continue;
    }
    if (token.type !== 'html' && token.type !== 'space') blocks.push(token.raw);
    if (token.type === 'code') {
      const group = [token as Tokens.Code];
      groups += 1;
      while (continuesTabs(tokens, at, group, code)) {
        at += tokens[at + 1]?.type === 'space' ? 2 : 1;
        group.push(tokens[at] as Tokens.Code);
        blocks.push((tokens[at] as Token).raw);
      }
      html += codeHtml(
        group.flatMap((one) => code.get(one) ?? []),
        groups,
      );
      continue;
    }
    html += marked.parser([token]);
  }
  endPassage();
  return {
    ...{ slug, title, headings, html, passages, passagesHtml },
    description: first === undefined ? '' : plainText(first.tokens),
    markdown: withLinks(text, relativeTarget(linkTo, slug)),
  };
}

/** Whether the next block of code is another tab of the same group. */
function continuesTabs(
  tokens: readonly Token[],
  at: number,
  group: readonly Tokens.Code[],
  code: ReadonlyMap<Tokens.Code, CodeBlock>,
): boolean {
  const next = tokens[at + 1]?.type === 'space' ? tokens[at + 2] : tokens[at + 1];
  if (next?.type !== 'code') return false;
  const tabOf = (token: Token): string | undefined => code.get(token as Tokens.Code)?.info.tab;
  const taken = group.map(tabOf);
  const tab = tabOf(next);
  // The same tab again begins a new group.
  return tab !== undefined && taken[0] !== undefined && !taken.includes(tab);
}

function headingHtml(level: number, anchor: string, text: string, html: string): string {
  const link = `<a class="anchor" href="#${escapeHtml(anchor)}" aria-label="Link to “${escapeHtml(text)}”">#</a>`;
  return `<h${level} id="${escapeHtml(anchor)}">${html} ${link}</h${level}>\n`;
}

/** The address of a target on the site; undefined where it has none. */
export function addressOf(target: LinkTarget): string | undefined {
  switch (target.type) {
    case 'page':
      return `/docs/${target.slug}${target.anchor === '' ? '' : `#${target.anchor}`}`;
    case 'image':
      return `/docs/images/${target.name}`;
    case 'elsewhere':
      return /^(https?|mailto):/i.test(target.url) ? target.url : undefined;
    case 'none':
      return undefined;
  }
}

function absoluteTarget(linkTo: (written: string) => LinkTarget): (written: string) => string | undefined {
  return (written) => addressOf(linkTo(written));
}

/** For the Markdown of the page: links to the Markdown of other pages. */
function relativeTarget(
  linkTo: (written: string) => LinkTarget,
  slug: string,
): (written: string) => string | undefined {
  const up = '../'.repeat(slug.split('/').length - 1);
  return (written) => {
    const target = linkTo(written);
    if (target.type === 'image') return `${up}images/${target.name}`;
    if (target.type !== 'page') return addressOf(target);
    const anchor = target.anchor === '' ? '' : `#${target.anchor}`;
    return target.slug === slug ? anchor || `${slug}.md` : `${up}${target.slug}.md${anchor}`;
  };
}

function plainBlock({ lang, text }: Tokens.Code): CodeBlock {
  return { info: readInfoString(lang), lines: plainLines(text) };
}

function rendererOf(
  linkTo: (written: string) => LinkTarget,
  slug: string,
  code: ReadonlyMap<Tokens.Code, CodeBlock>,
): RendererObject {
  return {
    // Marks of generated parts; no page needs tags.
    html: ({ text }) => (/^\s*<!--[\s\S]*-->\s*$/.test(text) ? '' : escapeHtml(text)),
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      const target = linkTo(href);
      const address =
        target.type === 'page' && target.slug === slug && target.anchor !== ''
          ? `#${target.anchor}`
          : addressOf(target);
      if (address === undefined) return text;
      const rel = target.type === 'elsewhere' ? ' rel="noreferrer"' : '';
      return `<a href="${escapeHtml(address)}"${rel}>${text}</a>`;
    },
    image({ href, text }) {
      const address = addressOf(linkTo(href));
      return address === undefined || linkTo(href).type === 'elsewhere'
        ? escapeHtml(text)
        : `<img src="${escapeHtml(address)}" alt="${escapeHtml(text)}" loading="lazy">`;
    },
    codespan: ({ text }) => `<code>${escapeFilled(text)}</code>`,
    // One in a list: a group in a list would be a page in a page.
    code(token) {
      const block = code.get(token) ?? plainBlock(token);
      return codeHtml([{ ...block, info: { ...block.info, tab: undefined } }], 0);
    },
    table(token) {
      return tableHtml(token, (tokens) => this.parser.parseInline(tokens));
    },
  };
}
