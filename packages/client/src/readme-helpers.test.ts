import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import * as tailrace from './index.ts';
import { type ScriptedMessage, scriptedClient } from './testing/scripted-client.ts';
import { root, typeCheck } from './testing/type-check.ts';

const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

const citySchema: tailrace.StandardSchema<unknown, { name: string }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value: value as { name: string } }),
    jsonSchema: { input: () => ({ type: 'object', properties: { name: { type: 'string' } } }) },
  },
};

/** Runs the example under a heading with a client that answers from a list: what it logs, and its `POST`. */
async function run(heading: string, ...answers: readonly ScriptedMessage[]) {
  const [, code = ''] = page.split(`## ${heading}\n`)[1]?.match(/```ts\n([\s\S]*?)```/) ?? [];
  const logged: unknown[] = [];
  const body = code
    .replaceAll(/^import .*$/gm, '')
    .replace('export ', '')
    .replace('request: Request', 'request')
    .replace('new Tailrace()', 'client')
    .replace('const client = client;', '')
    .concat("\nreturn typeof POST === 'function' ? POST : undefined;");
  const { client } = scriptedClient(...answers);
  const z = { object: () => citySchema, string: () => ({}) };
  const names = ['client', 'responseFormat', 'z', 'console'];
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const post = (await new AsyncFunction(...names, body)(client, tailrace.responseFormat, z, {
    log: (value: unknown) => logged.push(value),
  })) as ((request: Request) => Promise<Response>) | undefined;
  return { logged, post };
}

test('the example of JSON logs the name while it comes, then the value', async () => {
  const { logged } = await run('JSON that is typed', { content: '{"name":"Paris"}' });
  expect(logged).toContain('Par');
  expect(logged.at(-1)).toEqual({ name: 'Paris' });
});

test('the example of tools logs the result, then the answer', async () => {
  const call = { index: 0, id: 'a', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } };
  const { logged } = await run('Tools', { tool_calls: [call] }, { content: 'Clear.' });
  expect(logged).toEqual(['{"city":"Paris","sky":"clear"}', 'Clear.']);
});

test('the example of a route answers with the text', async () => {
  const { post } = await run('Responses for your routes', { content: 'Hello' });
  const request = new Request('http://app/', { method: 'POST', body: JSON.stringify({ messages: [] }) });
  expect(await (await post?.(request))?.text()).toBe('Hello');
});

test('the examples have the types of the client', async () => {
  const [first = '', ...others] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  const programs = others.map((code) => (code.startsWith('import ') ? code : `${first}\n${code}`));
  const found = await typeCheck([first, ...programs], {
    extension: 'ts',
    extends: 'tsconfig.base.json',
    compilerOptions: {
      lib: ['es2024', 'dom', 'dom.iterable'],
      noUncheckedIndexedAccess: false,
      noPropertyAccessFromIndexSignature: false,
      noEmit: true,
      types: ['node'],
      paths: {
        tailrace: [path.join(root, 'packages/client/src/index.ts')],
        zod: [path.join(root, 'node_modules/zod')],
      },
    },
  });
  expect(found).toBe('');
}, 60_000);
