import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { codeSample, languages } from './code-samples.ts';

const body = {
  model: 'acme/chat',
  messages: [{ role: 'user', content: `It's "quoted" \\ \${x} \`y\`\nnew line, ü` }],
  temperature: 0,
  stop: ["a'b"],
  stream: true,
};

describe('the code of a request', () => {
  test.each(languages)('for %s names the server and the model, and no key', (language) => {
    const code = codeSample(language, body, 'http://127.0.0.1:7245');
    expect(code).toContain('http://127.0.0.1:7245/v1');
    expect(code).toContain('acme/chat');
    expect(code).toContain('TAILRACE_KEY');
  });

  test.skipIf(process.platform === 'win32')('for curl gives the body to a shell as it is', () => {
    const code = codeSample('curl', body, 'http://127.0.0.1:7245');
    const shown = code.replace(/^curl -N \S+ /, 'for last in ').concat('; do :; done; printf %s "$last"');
    const { stdout } = spawnSync('sh', ['-c', shown.replaceAll('\\\n', ' ')], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual(body);
  });

  test('for Python writes its words', () => {
    const code = codeSample('Python', { ...body, logprobs: false, metadata: { a: null } }, 'http://h');
    expect(code).toContain('stream=True,');
    expect(code).toContain('logprobs=False,');
    expect(code).toContain('metadata={"a": None},');
  });
});
