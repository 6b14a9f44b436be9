// The commands and programs of docs/resume.md, as they stand there, against a real server; connections of the programs break.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChild } from '../support/child.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { labFiles, labModels, labUpstreams, oneAttempt } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { python } from './client.ts';

const page = readFileSync(new URL('../../docs/resume.md', import.meta.url), 'utf8');
const cwd = fileURLToPath(new URL('.', import.meta.url));
const answer = 'drop '.repeat(20);

let server: TestServer;
let proxy: FaultProxy;
beforeAll(async () => {
  server = await startServer({
    model: 'none',
    files: labFiles,
    config: { upstreams: labUpstreams, models: labModels, ...oneAttempt },
  });
  proxy = await startFaultProxy(server.port);
});
afterAll(async () => {
  await proxy?.close();
  await server?.stop();
});

/** The blocks of this language on the page, for a server behind the proxy, with a model that takes two seconds. */
function blocks(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\b[^\n]*\n([^]*?)\`\`\``, 'g'))].map(
    ([, code = '']) =>
      code
        .replaceAll('http://127.0.0.1:7245', `http://127.0.0.1:${proxy.port}`)
        .replaceAll(/(model"?: )"default"/g, '$1"lab/steady"'),
  );
}

function start(program: string, args: readonly string[], id = '') {
  return startChild(program, args, { env: { ...process.env, TAILRACE_API_KEY: server.apiKey, ID: id }, cwd });
}

/** Its output when it has ended. Its connections are reset each time it has written so many more words. */
async function outputOf(program: string, args: readonly string[], cutAfterWords: readonly number[] = []) {
  const child = start(program, args);
  let over = false;
  void child.exited.then(() => {
    over = true;
  });
  for (const words of cutAfterWords) {
    await until(`${words} words: ${child.stderr()}`, 20_000, () =>
      over || child.stdout().length >= words * 'drop '.length ? true : undefined,
    );
    proxy.drop();
  }
  expect(await child.exited, child.stderr()).toMatchObject({ code: 0 });
  return child.stdout();
}

async function begin(): Promise<string> {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      'content-type': 'application/json',
      'tailrace-resumable': 'true',
    },
    body: JSON.stringify({ model: 'lab/steady', stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  await response.body?.cancel();
  return response.headers.get('tailrace-completion-id') ?? '';
}

test('the commands ask for a stream, continue it, and send a request twice', async () => {
  // The key of the test stands for the one of the first start, and the id of the answer for that of the page.
  const [ask = '', more = '', twice = ''] = blocks('sh').map((code) =>
    code.replace(/^export (?:TAILRACE_API_KEY|ID)=.*\n/m, ''),
  );
  const first = await outputOf('bash', ['-c', ask]);
  expect(first).toMatch(/^tailrace-completion-id: chatcmpl-[\w-]+\r$/m);
  expect(first).toMatch(
    /^tailrace-stream-url: http:\S+\/v1\/streams\/chatcmpl-\S+\?expires=\d+&signature=\w+\r$/m,
  );
  expect(first).toMatch(/\r\n\r\nid: 1\ndata: \{.*\ndata: \[DONE\]\n\n$/s);
  const id = /^tailrace-completion-id: (\S+)/m.exec(first)?.[1];
  const continued = start('bash', ['-c', more], id);
  expect(await continued.exited).toMatchObject({ code: 0 });
  expect(continued.stdout()).toBe(first.slice(first.indexOf('id: 3\n')));
  expect(await outputOf('bash', ['-c', twice])).not.toContain('idempotent-replayed');
  expect(await outputOf('bash', ['-c', twice])).toContain('idempotent-replayed: true');
});

test("the program with OpenAI's SDK writes the whole answer over three cuts", async () => {
  const [program = ''] = blocks('js');
  const output = await outputOf(process.execPath, ['--input-type=module', '-e', program], [2, 7, 12]);
  expect(output).toBe(answer);
});

test('a page reads its stream over a cut without a key, and the whole of it again after a reload', async () => {
  const [, onServer = '', inPage = ''] = blocks('js');
  const program = `${onServer}${inPage}
    const url = await begin([{ role: "user", content: "Hi" }]);
    const write = (text) => process.stdout.write(text);
    delete process.env.TAILRACE_API_KEY;
    await show(url, write);
    await show(url, write);`;
  const output = await outputOf(process.execPath, ['--input-type=module', '-e', program], [3]);
  expect(output).toBe(answer.repeat(2));
});

test('the program in Python writes the whole answer', async () => {
  const [program = ''] = blocks('python');
  const child = start(python, ['-c', program], await begin());
  expect(await child.exited, child.stderr()).toMatchObject({ code: 0 });
  expect(child.stdout()).toBe(answer);
});
