import { escapeHtml } from '../html.ts';
import type { ColouredLine } from './code-colours.ts';
import { type Fill, fillsOf } from './fills.ts';
import type { InfoString } from './info-string.ts';

/** One block of code of a page, read. */
export interface CodeBlock {
  readonly info: InfoString;
  readonly lines: readonly ColouredLine[];
}

/** Blocks that stand together and have tabs are one group; every other block is alone. `group`: a number of its own in its page. */
export function codeHtml(blocks: readonly CodeBlock[], group: number): string {
  const [first] = blocks;
  if (first === undefined) return '';
  if (blocks.length === 1 && first.info.tab === undefined)
    return figure(first, first.info.title ?? first.info.language);
  const name = `tabs-${group}`;
  const tabs = blocks.map(({ info }, at) => {
    const label = escapeHtml(info.tab ?? info.language);
    return `<input type="radio" name="${name}" id="${name}-${at}" value="${label}"${at === 0 ? ' checked' : ''}><label for="${name}-${at}">${label}</label>`;
  });
  const panels = blocks.map((block) => figure(block, block.info.title));
  return `<fieldset class="tabs"><legend class="unseen">Language of the example</legend>${tabs.join('')}${panels.join('')}</fieldset>`;
}

const copyButton = '<button type="button" class="quiet copy" hidden>Copy</button>';

function figure({ lines, info }: CodeBlock, caption: string | undefined): string {
  const code = lines.map(lineHtml).join('\n');
  const head = caption
    ? `<figcaption><span>${escapeHtml(caption)}</span>${copyButton}</figcaption>`
    : copyButton;
  const label = info.title ?? info.tab ?? info.language;
  return `<figure class="code-block">${head}<pre tabindex="0" aria-label="${escapeHtml(label === '' ? 'Code' : `Code: ${label}`)}"><code>${code}</code></pre></figure>`;
}

/** A stretch that is filled in is one element, in the colour of its first letter. */
function lineHtml(line: ColouredLine): string {
  const fills = fillsOf(line.map(({ text }) => text).join(''));
  let html = '';
  let at = 0;
  for (const { text, kind } of line) {
    const end = at + text.length;
    let from = at;
    for (const fill of fills) {
      if (fill.to <= at || fill.from >= end) continue;
      html += piece(text.slice(from - at, Math.max(fill.from, from) - at), kind);
      if (fill.from >= at) html += filled(fill, line, kind);
      from = Math.min(end, fill.to);
    }
    html += piece(text.slice(from - at), kind);
    at = end;
  }
  return html;
}

function piece(text: string, kind: string | undefined): string {
  if (text === '') return '';
  return kind === undefined ? escapeHtml(text) : `<span class="code-${kind}">${escapeHtml(text)}</span>`;
}

function filled({ kind: what, from, to }: Fill, line: ColouredLine, kind: string | undefined): string {
  const text = line
    .map((one) => one.text)
    .join('')
    .slice(from, to);
  const colour = kind === undefined ? '' : ` class="code-${kind}"`;
  return `<span${colour} data-fill="${what}">${escapeHtml(text)}</span>`;
}
