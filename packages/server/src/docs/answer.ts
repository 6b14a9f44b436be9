import { escapeHtml } from '../http/escape-html.ts';
import type { FoundPassage } from './passage-finder.ts';

/** A question with the passages that fit it, the best one first. */
export interface Answer {
  readonly question: string;
  readonly goal: string | undefined;
  readonly base: string;
  readonly passages: readonly FoundPassage[];
}

const note =
  'These passages are quoted from the docs of this server, the one that fits best first. Nothing is written for the question.';
const nothing = 'No passage of the docs fits this question.';

export function answerJson({ question, goal, base, passages }: Answer): string {
  return JSON.stringify({
    object: 'docs.passages',
    question,
    goal: goal ?? null,
    note: passages.length === 0 ? nothing : note,
    passages: passages.map((passage) => ({
      title: passage.title,
      headings: passage.headings,
      url: base + addressOf(passage),
      markdown_url: `${base}/docs/${passage.slug}.md`,
      text: passage.text,
      score: passage.score,
    })),
  });
}

export function answerMarkdown({ question, goal, base, passages }: Answer): string {
  const asked = `# ${oneLine(question)}\n\n${goal === undefined ? '' : `For: ${oneLine(goal)}\n\n`}`;
  if (passages.length === 0) return `${asked}${nothing} All pages: ${base}/llms.txt\n`;
  const quoted = passages.map(
    (passage, at) =>
      `## ${at + 1}. ${nameOf(passage)}\n\n${base}${addressOf(passage)}\n\n${quote(passage.text)}\n`,
  );
  return `${asked}${note}\n\n${quoted.join('\n')}`;
}

/** For the document in which it stands, of passages that were asked for as HTML too. */
export function answerHtml({ question, passages }: Answer): string {
  const asked = `<p>For “${escapeHtml(question)}”.</p>`;
  if (passages.length === 0) return `${asked}<p class="note">${nothing}</p>`;
  const items = passages.map((passage) => {
    const { title, headings, html = '' } = passage;
    const place =
      headings.length === 0
        ? ''
        : `<p class="place">${escapeHtml([title, ...headings.slice(0, -1)].join(' › '))}</p>`;
    return `<section class="passage">${place}<h2><a href="${escapeHtml(addressOf(passage))}">${escapeHtml(headings.at(-1) ?? title)}</a></h2>${html}</section>`;
  });
  return `${asked}<p class="note">${note}</p>${items.join('')}`;
}

function addressOf({ slug, anchor }: FoundPassage): string {
  return `/docs/${slug}${anchor === '' ? '' : `#${anchor}`}`;
}

function nameOf({ title, headings }: FoundPassage): string {
  return [title, ...headings].join(' › ');
}

/** A question must not become a part of the answer, nor control the terminal that shows it. */
function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Bidi_Control}]+/gu, ' ').trim();
}

function quote(text: string): string {
  return text
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}
