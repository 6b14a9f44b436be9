import { escapeHtml } from '../http/escape-html.ts';
import { fillIn } from './fill-in.ts';

const written = 'http://127.0.0.1:7245';
/** Attributes with addresses of this server. Texts of pages have no `"`: theirs are escaped. */
const addresses = / (href|src|action|data-docs|data-passages)="(\/[^"]*)"/g;

/** A document of the server as a file that needs no server. `name`: the file. */
export function staticHtml(html: string, name: string, url: string | undefined): string {
  const up = '../'.repeat(name.split('/').length - 1);
  const canonical =
    url === undefined
      ? ''
      : `<link rel="canonical" href="${escapeHtml(`${url}/${name === 'index.html' ? '' : name}`)}">\n`;
  // Any address may be missing, so the document of missing ones needs whole addresses, where they are known.
  const root = name === '404.html' && url !== undefined ? `${escapeHtml(url)}/` : up;
  return (
    fillIn(html, 'text/html', { base: undefined, keyless: false, hasPage: false })
      .replace('<html lang="en"', '<html lang="en" data-is-static')
      .replace('<link rel="icon"', `${canonical}<link rel="icon"`)
      // What only a server can do.
      .replaceAll(/<!-- live -->[\s\S]*?<!-- \/live -->/g, '')
      .replaceAll('<!-- here -->', '')
      .replaceAll(addresses, (_all, attribute: string, address: string) => {
        const to = attribute === 'data-docs' ? root.replace(/\/$/, '') || '.' : root + fileOf(address);
        return ` ${attribute}="${to}"`;
      })
  );
}

/** Markdown and texts: their addresses are those of the site, or relative. */
export function staticText(text: string, url: string | undefined): string {
  const root = url === undefined ? '' : `${url}/`;
  return text
    .replace(/^To ask a question: [\s\S]*?\n\n/m, '')
    .replaceAll(
      new RegExp(`${written}/docs/([\\w/.-]+)`, 'g'),
      (_all, page: string) => `${root}${page.endsWith('.md') ? page : `${page}.html`}`,
    )
    .replaceAll(`${written}/llms-full.txt`, `${root}llms-full.txt`);
}

/** `/docs/keys#limits` → `keys.html#limits`. */
function fileOf(address: string): string {
  const [, place = '', rest = ''] = /^([^?#]*)(.*)$/.exec(address) ?? [];
  const below = place.replace(/^\/(docs\/?)?/, '');
  const anchor = rest.startsWith('#') ? rest : '';
  if (below === '') return `index.html${anchor}`;
  const isFile = /^(assets|images)\/|\.(md|txt)$/.test(below);
  return `${below}${isFile ? '' : '.html'}${anchor}`;
}
