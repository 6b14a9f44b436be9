import { writtenBase } from '../code/fills.ts';
import type { DocPage } from '../reading/doc-page.ts';
import { shortened } from './home-html.ts';
import type { Site } from './site.ts';

/** `/llms.txt`, as llmstxt.org describes it: what this is, how to ask, and every page. It is the first page as Markdown too. */
export function llmsText(site: Site, home: DocPage): string {
  const groups = site.groups.map(({ group, pages }) => {
    const items = pages.map(
      ({ slug, title, description }) =>
        `- [${title}](${writtenBase}/docs/${slug}.md): ${shortened(description)}`,
    );
    return `## ${group}\n\n${items.join('\n')}\n`;
  });
  const examples = home.markdown.slice(home.markdown.indexOf('```')).split('\n## ', 1)[0];
  return `# Tailrace

> ${home.description}

The base URL for OpenAI's SDKs is ${writtenBase}/v1. All pages in one file: ${writtenBase}/llms-full.txt

To ask a question: ${writtenBase}/docs?ask=QUESTION quotes the passages that answer it, with links, as Markdown, or as JSON with
\`&format=json\`. \`&goal=GOAL\` says what the answer is for.

${examples}
${groups.join('\n')}`;
}

/** `/llms-full.txt`: all pages, each with its address. */
export function llmsFullText({ pages }: Site): string {
  return pages
    .map(({ slug, markdown }) => `<!-- ${writtenBase}/docs/${slug} -->\n\n${markdown.trim()}\n`)
    .join('\n---\n\n');
}
