import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBuiltFiles } from '../http/built-files.ts';
import { startTestApp, type TestApp, testKey } from '../testing/start-app.ts';

let folder: string;
let app: TestApp;
let without: TestApp;
let disabled: TestApp;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tailrace-page-'));
  mkdirSync(path.join(folder, 'assets'));
  const script = '/assets/index-abc.js';
  const files = [
    { path: '/', file: 'index.html', type: 'text/html; charset=utf-8', etag: 'page', encodings: [] },
    {
      path: script,
      file: script.slice(1),
      type: 'text/javascript; charset=utf-8',
      etag: 'script',
      encodings: ['br', 'gzip'],
    },
  ];
  writeFileSync(path.join(folder, 'files.json'), JSON.stringify(files));
  writeFileSync(path.join(folder, 'index.html'), '<!doctype html>');
  writeFileSync(path.join(folder, script), 'plain');
  writeFileSync(path.join(folder, `${script}.br`), 'as brotli');
  writeFileSync(path.join(folder, `${script}.gzip`), 'as gzip');
  writeFileSync(path.join(folder, 'assets/secret.js'), 'not in the list');
  app = await startTestApp({ config: '{}', page: createBuiltFiles([path.join(folder, 'none'), folder]) });
  without = await startTestApp({ config: '{}' });
  disabled = await startTestApp({ config: 'console: {enabled: false}', page: createBuiltFiles([folder]) });
});
afterAll(async () => {
  await Promise.all([app, without, disabled].map((one) => one?.stop()));
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Not `fetch`: that adds its own headers, and decodes the body. */
function ask(url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    asked.on('error', reject).end();
  });
}

describe('the page', () => {
  it('asks for no key, and is asked for again at each visit', async () => {
    const { status, headers, text } = await ask(`${app.url}/`, { accept: 'text/html,*/*' });
    expect([status, text, headers['cache-control']]).toEqual([200, '<!doctype html>', 'no-cache']);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
  });

  it('allows no inline code, no other host, no frame and no HTML from texts', async () => {
    const { headers } = await ask(`${app.url}/`);
    const policy = String(headers['content-security-policy']);
    expect(policy).not.toContain('unsafe');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('same-origin');
  });

  it.each(['*/*', 'text/html, application/json', undefined])('is the answer to Accept %s', async (accept) => {
    const { status } = await ask(`${app.url}/`, accept === undefined ? {} : { accept });
    expect(status).toBe(200);
  });

  it('is no answer to a client of the API, which gets the hint where the API is', async () => {
    const { status, text } = await ask(`${app.url}/`, { accept: 'application/json' });
    expect(status).toBe(404);
    expect(text).toContain('POST /v1/chat/completions');
  });

  it('is not sent again to a browser that has it', async () => {
    const { headers } = await ask(`${app.url}/`);
    const again = await ask(`${app.url}/`, { 'if-none-match': `"other", W/${String(headers['etag'])}` });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('has a head without a body for HEAD', async () => {
    const { status, headers, text } = await ask(`${app.url}/`, {}, 'HEAD');
    expect([status, headers['content-length'], text]).toEqual([200, '15', '']);
  });

  it('that is not built is 404 and says how it is built', async () => {
    const { status, text } = await ask(`${without.url}/`);
    expect(status).toBe(404);
    expect(text).toContain('npm start');
  });

  it('does not exist with console.enabled: false', async () => {
    for (const target of ['/', '/assets/index-abc.js'])
      expect((await ask(disabled.url + target)).status).toBe(404);
  });
});

describe('a file of the page', () => {
  const script = () => `${app.url}/assets/index-abc.js`;

  it.each([
    ['gzip, deflate, br', 'br', 'as brotli'],
    ['gzip', 'gzip', 'as gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip', 'as gzip'],
    ['identity', undefined, 'plain'],
  ])('for Accept-Encoding %s comes as %s, with a tag of its own', async (accepted, encoding, body) => {
    const { headers, text } = await ask(script(), { 'accept-encoding': accepted });
    expect([headers['content-encoding'], text]).toEqual([encoding, body]);
    expect(headers['etag']).toBe(encoding === undefined ? '"script"' : `"script-${encoding}"`);
    expect(headers['vary']).toBe('Accept-Encoding');
  });

  it('is kept for ever, for its name changes with it', async () => {
    const { headers } = await ask(script());
    expect(headers['cache-control']).toContain('immutable');
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  it.each(['/assets/secret.js', '/assets/..%2Ffiles.json', '/assets/index-abc.js.br', '/files.json'])(
    'that the build does not list is 404: %s',
    async (target) => {
      expect((await ask(app.url + target, { authorization: `Bearer ${testKey}` })).status).toBe(404);
    },
  );
});
