import { createServer } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { checkCommand } from './check-command.ts';

async function run(...args: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await checkCommand(args, { env: {}, cwd: '/', stdout, stderr });
  const text = (stream: PassThrough) => String(stream.read() ?? '');
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

test.each([
  [[], 'needs the URL'],
  [['http://a', 'http://b'], 'unexpected "http://b"'],
  [['ftp://a'], 'expected a URL'],
  [['http://a', '--only', 'stop-strin'], 'did you mean "stop-string"'],
  [['http://a', '--only', 'openai,nothing-like-this'], 'there is no rule and no group'],
  [['http://a', '--max-tokens', '-1'], '--max-tokens: expected a whole number'],
  [['http://a', '--concurrency', '0'], '--concurrency: expected a whole number from 1'],
  [['http://a', '--timeout', 'soon'], '--timeout: expected a duration'],
  [['http://a', '--format', 'xml'], '--format: expected text, json or junit'],
  [['http://a', '--modle', 'x'], 'did you mean "--model"'],
])('%j is refused with exit 2', async (args, words) => {
  const { code, stderr } = await run(...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
});

test('a header that is none is refused, and its value is not shown', async () => {
  const { code, stderr } = await run('http://a', '--header', 'x-key secret-of-the-test');
  expect([code, stderr]).toEqual([2, expect.not.stringContaining('secret-of-the-test')]);
});

test('an endpoint on which nothing listens: exit 2, behind the plan', async () => {
  const { code, stdout, stderr } = await run('http://127.0.0.1:1', '--only', 'framing');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/rules, at most .*ECONNREFUSED/s);
});

/** The address of a server that answers everything with a status and a page. */
async function serve(status: number): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end('<h1>No API</h1>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

test.each([
  [401, [], 'a key is needed (GET /v1/models: status 401): give it with --key'],
  [401, ['--key', 'k'], 'the key is refused (GET /v1/models: status 401)'],
  [404, ['--key', 'k'], 'give the base URL of an API, such as https://HOST/v1'],
])(
  'where the list of models is status %d with %j, the message says what to do',
  async (status, flags, words) => {
    const { code, stderr } = await run(`http://${await serve(status)}`, ...flags);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
  },
);

test('https:// towards a server without TLS: the message says so, in one line', async () => {
  const { code, stderr } = await run(`https://${await serve(200)}`, '--only', 'models-list');
  expect([code, stderr]).toEqual([2, expect.stringMatching(/TLS .*begins with http:\/\/\n$/)]);
});

test('an answer that is no JSON is shown as it came', async () => {
  const { code, stdout } = await run(`http://${await serve(501)}`, '--model', 'x', '--only', 'answered');
  expect([code, stdout]).toEqual([1, expect.stringContaining('status 501: "<h1>No API</h1>"')]);
});

test.each(['secret-of-the-test\n', 'secret-of-the-test\r\nx: y', 'ключ-secret-of-the-test'])(
  'the key %j is refused, and not shown',
  async (key) => {
    const { code, stderr } = await run('http://127.0.0.1:1', '--key', key);
    expect(code).toBe(2);
    expect(stderr).toContain('--key: expected a key of printable ASCII');
    expect(stderr).not.toContain('secret-of-the-test');
  },
);

test('an endpoint at which nothing could be judged is not called right', async () => {
  const { code, stderr } = await run('http://127.0.0.1:1', '--model', 'm', '--max-requests', '0');
  expect([code, stderr]).toEqual([2, expect.stringContaining('nothing could be judged')]);
});

test('--help names every flag and the exit statuses', async () => {
  const { code, stdout } = await run('--help');
  expect(code).toBe(0);
  for (const word of ['--only', '--badge', '--max-requests', 'Exit status']) expect(stdout).toContain(word);
});

test('answers that --timeout cuts are no failure: exit 3, and each is named', async () => {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    if (request.method === 'GET') response.end('{"object":"list","data":[{"id":"m","object":"model"}]}');
    else response.write('{"id":');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const url = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const { code, stdout, stderr } = await run(url, '--only', 'developer-role', '--timeout', '200ms');
  expect([code, stdout]).toEqual([
    3,
    expect.stringContaining('the timeout cut them: plain, developer-role.'),
  ]);
  expect(stdout).toContain(
    'not judged: too slow: no end within 0.2 s: plain, developer-role: developer-role',
  );
  expect(stderr).toContain('2 answers took longer than --timeout allows');
});
