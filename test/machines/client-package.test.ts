// The package `tailrace` as it is published: what is in it, how large it is, and that it runs where its tarball is installed.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, runNode } from '../../tools/run.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';

let scratch: Scratch;
let built: string;
let tarball: string;
let installed: string;
beforeAll(async () => {
  scratch = createScratch('client-package');
  built = path.join(scratch.path, 'built');
  expect(await runNode('packages/client/build-client.ts', [built])).toMatchObject({ code: 0 });
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', scratch.path], { cwd: built });
  tarball = path.join(scratch.path, packed.output.trim());
  // It depends on nothing: to unpack it is to install it.
  installed = path.join(scratch.path, 'installed');
  const into = path.join(installed, 'node_modules/tailrace');
  mkdirSync(into, { recursive: true });
  expect(await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', into])).toMatchObject({ code: 0 });
});
afterAll(() => scratch.remove());

test('it depends on nothing, and names nothing of this repository', async () => {
  const manifest = JSON.parse(readFileSync(path.join(built, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  expect(manifest).not.toHaveProperty('dependencies');
  expect(manifest).not.toHaveProperty('devDependencies');
  const { output } = await run('grep', ['-rlE', '@tailrace/|tailrace-source|node:', built]);
  expect(output).toBe('');
});

test('every resolver finds code and types that agree', async () => {
  const data = new Uint8Array(readFileSync(tarball));
  const { problems } = (await checkPackage(createPackageFromTarballData(data))) as { problems?: unknown };
  expect(problems).toEqual([]);
  const { messages } = await publint({ pkgDir: built, strict: true });
  expect(messages).toEqual([]);
});

/** The files that a page is made of, minified, by their names. `isSplit`: what is imported later is a file of its own. */
async function bundleOf(code: string, isSplit: boolean): Promise<Map<string, string>> {
  const bundle = await rolldown({
    input: 'page',
    cwd: installed,
    platform: 'browser',
    logLevel: 'silent',
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === 'page' ? path.join(installed, 'page.js') : undefined),
        load: (id) => (id.endsWith('/page.js') ? code : undefined),
      },
    ],
  });
  const { output } = await bundle.generate({
    format: 'esm',
    minify: true,
    codeSplitting: isSplit,
    chunkFileNames: '[name].js',
  });
  await bundle.close();
  return new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : '']));
}

/** Bytes of all these files, each compressed by itself. */
function compressed(files: Iterable<string>): number {
  return [...files].reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
}

const client = 'import Tailrace from "tailrace"; globalThis.Tailrace = Tailrace;';
const everything = 'import * as all from "tailrace"; globalThis.all = all;';

/** Streams one answer and prints which files of the page that took. */
const streamer = `
import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({
  load(url, context, next) {
    if (url.startsWith(String(new URL('.', import.meta.url)))) loaded.push(url.split('/').at(-1));
    return next(url, context);
  },
});
await import('./page.js');
const chunk = { id: 'c', choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }] };
const fetch = async () => new Response('data: ' + JSON.stringify(chunk) + '\\n\\ndata: [DONE]\\n\\n');
const client = new Tailrace({ fetch, apiKey: null });
let text = '';
const stream = await client.chat.completions.create({ model: 'm', messages: [], stream: true });
for await (const { choices } of stream) text += choices[0].delta.content;
console.log(JSON.stringify({ text: text + (await stream.finalText()), loaded }));
`;

/*
 * What a page pays, minified and compressed. The gates are what was reached (docs/decisions/0036), rounded up by at most 3 %: the
 * aims of 6, 10 and 3 kB are not.
 */
describe('it is small, minified and compressed', () => {
  test('a page that streams an answer loads 10 kB', async () => {
    const files = await bundleOf(client, true);
    const folder = path.join(scratch.path, 'streaming');
    mkdirSync(folder);
    for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
    writeFileSync(path.join(folder, 'streamer.mjs'), streamer);
    const ran = await run(process.execPath, [path.join(folder, 'streamer.mjs')]);
    expect(ran).toMatchObject({ code: 0 });
    const { text, loaded } = JSON.parse(ran.output) as { text: string; loaded: string[] };
    expect(text).toBe('aa');
    expect(loaded).toContain('page.js');
    expect(compressed(loaded.map((name) => files.get(name) ?? ''))).toBeLessThanOrEqual(10_000);
  });

  test.each([
    ['a client with all that it may ever load', client, 18_600],
    ['all that the package exports', everything, 20_000],
  ])('%s, in one file', async (_, code, limit) => {
    expect(compressed((await bundleOf(code, false)).values())).toBeLessThanOrEqual(limit);
  });
});

/** Reads a stream whose connection breaks once, without and with a tool call. */
const program = `
const client = new Tailrace({ baseURL: process.argv[2], apiKey: 'key' });
const params = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true };
(async () => {
  const stream = await client.chat.completions.create(params);
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0].delta.content ?? '';
  const { tool_calls } = await stream.finalMessage();
  const error = await client.models.retrieve('none').catch((thrown) => thrown);
  console.log(JSON.stringify([text, tool_calls[0].function, error instanceof Tailrace.NotFoundError, error.name]));
})();
`;
const forms = [
  ['program.mjs', `import Tailrace from 'tailrace';${program}`],
  ['program.cjs', `const { default: Tailrace } = require('tailrace');${program}`],
] as const;

const chunk = (delta: object, reason: string | null = null): string =>
  JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: reason }] });
const events = [
  chunk({ content: 'a' }),
  chunk({ content: 'b' }),
  chunk({ tool_calls: [{ index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } }] }),
  chunk({}, 'tool_calls'),
  '[DONE]',
];

/** Runs both programs with a Node. */
async function expectRuns(node: string): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/models')) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"none"}}');
      return;
    }
    const after = Number(request.headers['last-event-id'] ?? 0);
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'tailrace-completion-id': 'c',
      'tailrace-stream-url': '/c',
    });
    const frames = events.map((data, index) => `id: ${index + 1}\ndata: ${data}\n\n`).slice(after);
    if (after > 0) response.end(frames.join(''));
    else response.write(frames[0], () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    for (const [name, code] of forms) {
      writeFileSync(path.join(installed, name), code);
      const ran = await run(node, [name, url], { cwd: installed });
      expect(ran).toMatchObject({ code: 0 });
      expect(JSON.parse(ran.output)).toEqual(['ab', { name: 'f', arguments: '{}' }, true, 'NotFoundError']);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('it runs where it is installed, by import and by require', () => expectRuns(process.execPath));

test('it runs on Node 20', async ({ skip }) => {
  const node = process.env['TAILRACE_TEST_NODE_20'] ?? '/usr/bin/node';
  const { output } = await run(node, ['--version']);
  skip(!output.startsWith('v20.'), `${node} is no Node 20; TAILRACE_TEST_NODE_20 names one`);
  await expectRuns(node);
});
