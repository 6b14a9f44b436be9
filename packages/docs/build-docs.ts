/*
 * Builds the docs into a folder, as the server serves them: `node build-docs.ts FOLDER`. Pages are rendered and compressed here, so that
 * a server needs neither Markdown nor grammars; `files.json` says what there is (decision 42).
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildOptions, build } from 'vite';
import { type BuiltFile, describeFile } from '../playground/describe-file.ts';
import { createCodeColours } from './src/code/code-colours.ts';
import { homeHtml } from './src/layout/home-html.ts';
import { llmsFullText, llmsText } from './src/layout/llms-text.ts';
import { pageHtml } from './src/layout/page-html.ts';
import { answerShell, notFoundShell } from './src/layout/shells.ts';
import type { Site } from './src/layout/site.ts';
import { readSite } from './src/read-site.ts';

const given = process.argv[2];
if (given === undefined) throw new Error('build-docs.ts needs the folder to build into');
const folder = path.resolve(given);
const source = path.join(import.meta.dirname, '../../docs');

await rm(folder, { recursive: true, force: true });
/** What the bundler says of each of its inputs. */
type Manifest = Readonly<Record<string, { readonly file: string; readonly css?: readonly string[] }>>;
const modules = await bundle({
  input: ['browser/docs', 'search/find-passages'].map((name) => sourceOf(name)),
  // The server imports what `find-passages` exports.
  preserveEntrySignatures: 'strict',
});
// It is loaded before the page is drawn, so it is one file, and no module.
const classic = await bundle({
  input: sourceOf('browser/theme'),
  output: { format: 'iife', entryFileNames: 'assets/theme-[hash].js' },
});

const { home, ...read } = await readSite(source, await createCodeColours());
const passages = JSON.stringify(read.pages.flatMap((page) => page.passages));
const passagesFile = `assets/passages-${hashOf(passages)}.json`;
const icon = await readFile(path.join(import.meta.dirname, '../playground/src/icon.svg'), 'utf8');
const iconFile = `assets/icon-${hashOf(icon)}.svg`;
const script = built(modules, 'src/browser/docs.ts');
const theme = built(classic, 'src/browser/theme.ts').file;
const finder = built(modules, 'src/search/find-passages.ts').file;
const site: Site = {
  ...read,
  assets: {
    styles: `/docs/${script.css?.[0]}`,
    theme: `/docs/${theme}`,
    script: `/docs/${script.file}`,
    icon: `/docs/${iconFile}`,
    passages: `/docs/${passagesFile}`,
  },
};

const files: BuiltFile[] = [];
const html = 'text/html; charset=utf-8';
const markdown = 'text/markdown; charset=utf-8';
const overview = llmsText(site, home);
await add('/docs', 'pages/index.html', html, homeHtml(site, home));
await add('/docs/index.md', 'pages/index.md', markdown, overview);
await add('/llms.txt', 'llms.txt', 'text/plain; charset=utf-8', overview);
await add('/llms-full.txt', 'llms-full.txt', 'text/plain; charset=utf-8', llmsFullText(site));
for (const page of site.pages) {
  await add(`/docs/${page.slug}`, `pages/${page.slug}.html`, html, pageHtml(site, page));
  await add(`/docs/${page.slug}.md`, `pages/${page.slug}.md`, markdown, page.markdown);
}
await add(`/docs/${iconFile}`, iconFile, 'image/svg+xml', icon);
await add(`/docs/${passagesFile}`, passagesFile, 'application/json', passages);
for (const { file, css = [] } of Object.values({ ...modules, ...classic })) {
  await describe(file, 'text/javascript; charset=utf-8');
  for (const styles of css) await describe(styles, 'text/css; charset=utf-8');
}
await cp(path.join(source, 'images'), path.join(folder, 'images'), { recursive: true });
for (const name of await readdir(path.join(folder, 'images'))) await describe(`images/${name}`, 'image/png');
await writeFile(path.join(folder, 'not-found.html'), notFoundShell(site));
await writeFile(path.join(folder, 'answer.html'), answerShell(site));
await writeFile(path.join(folder, 'files.json'), JSON.stringify(files));
await writeFile(
  path.join(folder, 'passages-html.json'),
  JSON.stringify(site.pages.flatMap((page) => page.passagesHtml)),
);
await writeFile(
  path.join(folder, 'site.json'),
  JSON.stringify({
    finder,
    passages: passagesFile,
    passagesHtml: 'passages-html.json',
    pages: site.pages.map(({ slug, title, description }) => ({ slug, title, description })),
  }),
);

function sourceOf(name: string): string {
  return path.join(import.meta.dirname, 'src', `${name}.ts`);
}

async function bundle(options: NonNullable<BuildOptions['rolldownOptions']>): Promise<Manifest> {
  const configFile = path.join(import.meta.dirname, 'vite.config.ts');
  await build({ configFile, logLevel: 'warn', build: { outDir: folder, rolldownOptions: options } });
  const place = path.join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(place, 'utf8')) as Manifest;
  await rm(place);
  return manifest;
}

function built(manifest: Manifest, input: string): Manifest[string] {
  const found = manifest[input];
  if (found === undefined) throw new Error(`the build has made nothing of ${input}`);
  return found;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 8);
}

async function add(address: string, file: string, type: string, text: string): Promise<void> {
  const place = path.join(folder, file);
  await mkdir(path.dirname(place), { recursive: true });
  await writeFile(place, text);
  files.push(await describeFile({ folder, file, address, type }));
}

async function describe(file: string, type: string): Promise<void> {
  files.push(await describeFile({ folder, file, address: `/docs/${file}`, type }));
}
