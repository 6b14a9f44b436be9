import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

/** Built docs of two pages, as `packages/docs/build-docs.ts` writes them; the module that ranks is its source. */
export function writeSmallDocs(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'tailrace-docs-'));
  const rows: object[] = [];
  const add = (address: string, file: string, type: string, text: string): void => {
    const place = path.join(folder, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text);
    writeFileSync(`${place}.gzip`, gzipSync(text));
    rows.push({ path: address, file, type, etag: `tag-of-${file}`, encodings: ['gzip'] });
  };
  const html = 'text/html; charset=utf-8';
  const markdown = 'text/markdown; charset=utf-8';
  add('/docs', 'pages/index.html', html, documentOf('Overview', '<a href="/docs/keys">Keys</a>'));
  add('/docs/index.md', 'pages/index.md', markdown, overview);
  add('/docs/keys', 'pages/keys.html', html, documentOf('Keys', example));
  add('/docs/keys.md', 'pages/keys.md', markdown, `# Keys\n\ncurl ${base}/v1\n`);
  add(
    '/docs/errors/lost',
    'pages/errors/lost.html',
    html,
    documentOf('Lost', '<a href="/docs/keys#limits">Limits</a>'),
  );
  add('/docs/errors/lost.md', 'pages/errors/lost.md', markdown, '# Lost\n\n[Limits](../keys.md#limits)\n');
  add('/docs/assets/a-1.js', 'assets/a-1.js', 'text/javascript; charset=utf-8', `'${base}'`);
  add('/llms.txt', 'llms.txt', 'text/plain; charset=utf-8', overview);
  add(
    '/llms-full.txt',
    'llms-full.txt',
    'text/plain; charset=utf-8',
    `<!-- ${base}/docs/keys -->\n\n# Keys\n`,
  );
  const finder = path.join(import.meta.dirname, '../../../../docs/src/search/find-passages.ts');
  const passages = [
    {
      slug: 'keys',
      anchor: 'limits',
      title: 'Keys',
      headings: ['Limits'],
      text: `A key has limits: ${base}/v1.\n\n# No heading`,
    },
    { slug: 'errors/lost', anchor: '', title: 'Lost', headings: [], text: 'The connection was lost.' },
  ];
  const pages = [
    { slug: 'keys', title: 'Keys & owners', description: 'Of keys.' },
    { slug: 'errors/lost', title: 'Lost', description: 'Of losses.' },
  ];
  writeFileSync(path.join(folder, 'passages.json'), JSON.stringify(passages));
  writeFileSync(
    path.join(folder, 'passages-html.json'),
    JSON.stringify(['<p>A key has <b>limits</b></p>', '<p>Lost</p>']),
  );
  writeFileSync(path.join(folder, 'not-found.html'), documentOf('No such page', '<!-- here -->'));
  writeFileSync(path.join(folder, 'answer.html'), documentOf('Passages', '<!-- here -->'));
  writeFileSync(path.join(folder, 'files.json'), JSON.stringify(rows));
  writeFileSync(
    path.join(folder, 'site.json'),
    JSON.stringify({
      finder: path.relative(folder, finder),
      passages: 'passages.json',
      passagesHtml: 'passages-html.json',
      pages,
    }),
  );
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export const base = 'http://127.0.0.1:7245';
const example = `<code><span data-fill="base">${base}</span>/v1</code><p>${base} in a text</p>`;
const overview = `# Tailrace\n\nTo ask a question: ${base}/docs?ask=QUESTION quotes.\n\n- [Keys](${base}/docs/keys.md): Of keys.\n`;

function documentOf(title: string, content: string): string {
  return `<!doctype html>
<html lang="en" data-docs="/docs" data-passages="/docs/assets/p-1.json">
<head>
<title>${title}</title>
<link rel="stylesheet" href="/docs/assets/a-1.css">
</head>
<body>
<a class="to-page" href="/">Playground</a>
<form action="/docs" method="get"></form>
${content}
</body>
</html>
`;
}
