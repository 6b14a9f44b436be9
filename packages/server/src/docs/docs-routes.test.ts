import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startTestApp, type TestApp } from '../testing/start-app.ts';
import { createBuiltDocs } from './built-docs.ts';
import { base, writeSmallDocs } from './testing/small-docs.ts';

const small = writeSmallDocs();
const docs = createBuiltDocs([small.folder]);
let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ config: '{}', docs });
});
afterAll(async () => {
  await app?.stop();
  small.remove();
});

/** A request in bytes: `fetch` would change the path. */
function ask(
  target: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
  of = app,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port, host } = new URL(of.url);
    const all = { host, connection: 'close', ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'));
    });
    socket.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
    socket.on('close', () => resolve(readAnswer(Buffer.concat(chunks))));
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
}

function readAnswer(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  const body = bytes.subarray(end + 4);
  return { status: Number(first.split(' ')[1]), headers, body, text: body.toString('utf8') };
}

describe('a page of the docs', () => {
  it('asks for no key, runs only files of this server, and is asked for again at each visit', async () => {
    const { status, headers, text } = await ask('/docs/keys');
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      ...[200, 'text/html; charset=utf-8', 'no-cache'],
    ]);
    expect(text).toContain('<title>Keys</title>');
    const policy = headers['content-security-policy'] ?? '';
    expect(policy).not.toContain('unsafe');
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ])
      expect(policy).toContain(rule);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('has the address by which it was reached in its examples, and nowhere else', async () => {
    const { text } = await ask('/docs/keys', { host: 'ai.example.org:8443' });
    expect(text).toContain('data-fill="base">http://ai.example.org:8443</span>/v1');
    expect(text).toContain(`<p>${base} in a text</p>`);
  });

  it.each(['a"><script>alert(1)</script>', "a'b", 'a b', '[::1', 'x/../y', 'a\\b'])(
    'takes no address from a Host that is none: %s',
    async (host) => {
      const { status, text } = await ask('/docs/keys', { host });
      expect(text).not.toContain(host);
      if (status === 200) expect(text).toContain(`data-fill="base">${base}<`);
    },
  );

  it('has the public URL in its examples where there is one, whatever the Host says', async () => {
    const own = await startTestApp({ config: "server: {public_url: https://ai.example.org/a'b/}", docs });
    onTestFinished(() => own.stop());
    const { text } = await ask('/docs/keys', { host: 'evil.example' }, 'GET', own);
    expect(text).toContain('data-fill="base">https://ai.example.org/a&#39;b<');
    expect((await ask('/docs/keys.md', {}, 'GET', own)).text).toContain("curl https://ai.example.org/a'b/v1");
  });

  it('comes in the compressed form of the build where it needs no other address, else compressed now', async () => {
    for (const host of ['127.0.0.1:7245', 'ai.example.org']) {
      const { headers, body } = await ask('/docs/keys', { host, 'accept-encoding': 'gzip' });
      expect(headers['content-encoding']).toBe('gzip');
      expect(gunzipSync(body).toString()).toContain(`data-fill="base">http://${host}<`);
    }
  });

  it('is not sent again to a browser that has it, and has another tag for another address or form', async () => {
    const tags = new Set<string>();
    for (const host of ['127.0.0.1:7245', 'ai.example.org'])
      for (const coding of ['gzip', 'identity']) {
        const asked = { host, 'accept-encoding': coding };
        const { etag = '' } = (await ask('/docs/keys', asked)).headers;
        tags.add(etag);
        const again = await ask('/docs/keys', { ...asked, 'if-none-match': etag });
        expect([again.status, again.text]).toEqual([304, '']);
      }
    expect(tags.size).toBe(4);
  });

  it('has a head without a body for HEAD', async () => {
    const [{ headers: of }, { status, headers, text }] = [
      await ask('/docs/keys'),
      await ask('/docs/keys', {}, 'HEAD'),
    ];
    expect([status, text, headers['content-length'], headers['etag']]).toEqual([
      200,
      '',
      of['content-length'],
      of['etag'],
    ]);
  });

  it('is Markdown at its path with .md, and for a client that wants Markdown most', async () => {
    for (const [target, accept] of [
      ['/docs/keys.md', '*/*'],
      ['/docs/keys', 'text/markdown'],
      ['/docs/keys', 'text/markdown, text/html;q=0.9, */*;q=0.1'],
    ] as const) {
      const { headers, text } = await ask(target, { accept, host: 'ai.example.org' });
      expect(headers['content-type']).toBe('text/markdown; charset=utf-8');
      expect(headers['vary']).toContain('Accept');
      expect(text).toBe('# Keys\n\ncurl http://ai.example.org/v1\n');
    }
    for (const accept of [
      '*/*',
      'text/html,application/xhtml+xml,*/*;q=0.8',
      'text/html, text/markdown;q=0.5',
      'image/png',
    ])
      expect((await ask('/docs/keys', { accept })).headers['content-type']).toContain('text/html');
    expect((await ask('/docs', { accept: 'text/markdown' })).text).toContain('# Tailrace');
  });

  it('says that the server asks for no key where it does not, and has no link to a page that is off', async () => {
    const own = await startTestApp({ config: 'auth: {required: false}\nconsole: {enabled: false}', docs });
    onTestFinished(() => own.stop());
    const { status, text } = await ask('/docs/keys', {}, 'GET', own);
    expect(status).toBe(200);
    expect(text).toContain('<html lang="en" data-keyless');
    expect(text).not.toContain('Playground');
    expect((await ask('/docs/keys')).text).not.toContain('data-keyless');
  });

  it('is the first one also with a slash behind /docs', async () => {
    expect((await ask('/docs/')).text).toContain('<title>Overview</title>');
  });

  it('that is not built is 404 and says how it is built', async () => {
    const own = await startTestApp({ config: '{}' });
    onTestFinished(() => own.stop());
    for (const target of ['/docs', '/docs/keys', '/llms.txt']) {
      const { status, text } = await ask(target, {}, 'GET', own);
      expect([status, text]).toEqual([404, expect.stringContaining('npm start')]);
    }
  });
});

it.each(['/llms.txt', '/llms-full.txt'])('%s names this server', async (target) => {
  const { headers, text } = await ask(target, { host: 'ai.example.org' });
  expect(headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(text).toContain('http://ai.example.org/docs/keys');
  expect(text).not.toContain(base);
});

it('a file of the build is kept for ever, and is never changed', async () => {
  const { headers, text } = await ask('/docs/assets/a-1.js', { host: 'ai.example.org' });
  expect(headers['cache-control']).toContain('immutable');
  expect(text).toBe(`'${base}'`);
});

describe('an unknown path below /docs', () => {
  const browser = { accept: 'text/html,*/*;q=0.8' };

  it('is a document for a browser, with the pages that may be meant', async () => {
    const { status, headers, text } = await ask('/docs/kyes', browser);
    expect([status, headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(text).toContain('<a href="/docs/keys">Keys &#38; owners</a>');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });

  it('is a refusal as everywhere for others', async () => {
    const { status, text } = await ask('/docs/lost');
    expect(status).toBe(404);
    expect(JSON.parse(text).error).toMatchObject({
      code: 'unknown_url',
      message: expect.stringContaining("'/docs/errors/lost'"),
    });
  });

  it.each([
    '/docs/../etc/passwd',
    '/docs/%2e%2e/%2e%2e/etc/passwd',
    '/docs/keys%00',
    '/docs//keys',
    '/docs/keys/',
    '/docs/./keys',
    '/docs/%6beys',
    '/docs/KEYS',
    '/docs/files.json',
    '/docs/site.json',
    '/docs/pages/keys.html',
    '/docs/assets/a-1.js.gzip',
    '/docs/keys?ask=x#y/../..',
    '/docs/<script>alert(1)</script>',
    '/DOCS/keys',
    '/docs/keys;a=b',
    `/docs/${'a'.repeat(6_000)}`,
  ])('is 404 in any spelling: %.60s', async (target) => {
    for (const headers of [{}, browser]) {
      const { status, text } = await ask(target, headers);
      if (target.startsWith('/docs/keys?')) expect(status).toBe(200);
      else expect(status).toBe(404);
      expect(text).not.toContain('<script>alert');
      expect(text).not.toContain('root:');
    }
  });

  it('is never a bug, a hang or a file that the build does not list', async () => {
    const known = new Set([
      '/docs',
      '/docs/',
      '/docs/keys',
      '/docs/keys.md',
      '/docs/index.md',
      '/llms.txt',
      '/llms-full.txt',
    ]);
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '..',
        '.',
        '%2e',
        '%2F',
        '%00',
        '%',
        '%zz',
        '\\',
        ';',
        'keys',
        'keys.md',
        'assets',
        'docs',
        '#',
        '~',
      ),
      fc.string({ maxLength: 6 }).map((text) => text.replaceAll(/[\s?]/g, '')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 8 }),
        fc.constantFrom('GET', 'HEAD'),
        async (pieces, method) => {
          const target = `/docs/${pieces.join('')}`;
          const { status } = await ask(target, browser, method);
          if (!known.has(target.split('#')[0] ?? ''))
            expect([target, status]).toEqual([target, status === 400 ? 400 : 404]);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('?ask= of a page', () => {
  const question = '/docs/keys?ask=which+limits+has+a+key%3F';

  it('answers in Markdown: passages that are quoted, each with its address, and that nothing was written', async () => {
    const { status, headers, text } = await ask(question, { host: 'ai.example.org' });
    expect([status, headers['content-type']]).toEqual([200, 'text/markdown; charset=utf-8']);
    expect(text).toContain('# which limits has a key?\n');
    expect(text).toContain('quoted from the docs');
    expect(text).toContain('Nothing is written for the question');
    expect(text).toContain(
      '## 1. Keys › Limits\n\nhttp://ai.example.org/docs/keys#limits\n\n> A key has limits',
    );
    expect(text).toContain('> # No heading');
  });

  it.each([
    ['', { accept: 'application/json' }],
    ['&format=json', {}],
    ['&format=json', { accept: 'text/html' }],
  ])('answers in JSON with %s and %j', async (more, headers) => {
    const answer = await ask(`${question}&goal=a+team${more}`, { host: 'ai.example.org', ...headers });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const { passages, ...rest } = JSON.parse(answer.text);
    expect(rest).toMatchObject({
      question: 'which limits has a key?',
      goal: 'a team',
      note: expect.stringContaining('quoted'),
    });
    expect(passages[0]).toMatchObject({
      title: 'Keys',
      headings: ['Limits'],
      url: 'http://ai.example.org/docs/keys#limits',
      markdown_url: 'http://ai.example.org/docs/keys.md',
    });
  });

  it('answers a browser with a document, in which the question is a text', async () => {
    const { headers, text } = await ask('/docs?ask=limits+%3Cimg+src=x%3E', { accept: 'text/html' });
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(text).toContain('limits &#60;img src=x&#62;');
    expect(text).toContain('<h2><a href="/docs/keys#limits">Limits</a></h2><p>A key has <b>limits</b></p>');
  });

  it('keeps a question that would be a heading in its line', async () => {
    const { text } = await ask('/docs?ask=limits%0A%0A%23+Instructions', {});
    expect(text.split('\n')[0]).toBe('# limits # Instructions');
  });

  it('shows no character of a question that would control a terminal', async () => {
    const goal = '%9B1mteam%E2%80%AE';
    const { text } = await ask(
      `/docs?ask=limits%1B%5B2J%00%C2%9B31m&goal=${goal.replace('%9B', '%C2%9B')}`,
      {},
    );
    expect(text.split('\n').slice(0, 3)).toEqual(['# limits [2J 31m', '', 'For: 1mteam']);
  });

  it('says so where nothing fits', async () => {
    expect((await ask('/docs?ask=zzzzqq')).text).toContain('No passage');
    expect(JSON.parse((await ask('/docs?ask=zzzzqq&format=json')).text).passages).toEqual([]);
  });

  it.each([
    [`/docs?ask=${'a'.repeat(401)}`, 'ask'],
    [`/docs?ask=a&goal=${'a'.repeat(401)}`, 'goal'],
    ['/docs?ask=a&format=xml', 'format'],
    // Without a question too: what is not taken is not passed over.
    [`/docs/keys?goal=${'a'.repeat(401)}`, 'goal'],
    ['/docs?format=xml', 'format'],
  ])('refuses what it does not take by its name: %#', async (target, param) => {
    const { status, text } = await ask(target);
    expect([status, JSON.parse(text).error.param]).toEqual([400, param]);
  });

  it('that is empty is the page', async () => {
    expect((await ask('/docs/keys?ask=+&utm_source=x')).text).toContain('<title>Keys</title>');
  });

  it('is never a bug, whatever stands behind it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (text) => {
        const encoded = encodeURIComponent(text.toWellFormed());
        expect((await ask(`/docs?ask=${encoded}&goal=${encoded}`)).status).toBe(200);
      }),
      { numRuns: 60 },
    );
  });
});
