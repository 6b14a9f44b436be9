import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { codeSamples, sampleNamed } from './code-samples.ts';
import { curlOf } from './curl.ts';
import { scriptLiteral } from './literals.ts';

const body = {
  model: 'acme/chat',
  messages: [{ role: 'user', content: `It's "quoted" \\ \${x} \`y\`\nnew line, ü` }],
  temperature: 0,
  stop: ["a'b"],
  stream: true,
};
const origin = 'http://127.0.0.1:7245';

/** What a shell makes of a command: its last word. */
function lastWord(command: string): string {
  const shown = command.replace(/^curl /, 'for last in ').concat('; do :; done; printf %s "$last"');
  return spawnSync('sh', ['-c', shown.replaceAll('\\\n', ' ')], { encoding: 'utf8' }).stdout;
}

describe('the code of a request', () => {
  test.each(codeSamples)('for $name names the server and the model, and no key', ({ write }) => {
    const code = write(body, origin);
    expect(code).toContain(`${origin}/v1`);
    expect(code).toContain('acme/chat');
    expect(code).toContain('TAILRACE_API_KEY');
  });

  test.skipIf(process.platform === 'win32')('for curl gives the body to a shell as it is', () => {
    expect(JSON.parse(lastWord(sampleNamed('curl').write(body, origin)))).toEqual(body);
  });

  test.skipIf(process.platform === 'win32')('a request that was sent is repeated with its own bytes', () => {
    const requestBody = JSON.stringify(body);
    const exchange = {
      ...{ method: 'POST', path: '/v1/chat/completions', sentAtMs: 0, answer: undefined },
      ...{ requestHeaders: [['tailrace-resumable', 'true']] as const, requestBody },
    };
    const code = curlOf(exchange, origin);
    expect(code).toContain("-H 'tailrace-resumable: true'");
    expect(lastWord(code)).toBe(requestBody);
  });

  test('for Python writes its words, and what the SDK does not know beside them', () => {
    const code = sampleNamed('Python (OpenAI)').write(
      { ...body, logprobs: false, metadata: { a: null }, top_k: 4 },
      'http://h',
    );
    expect(code).toContain('stream=True,');
    expect(code).toContain('logprobs=False,');
    expect(code).toContain('metadata={"a": None},');
    expect(code).toContain('extra_body={"top_k": 4},');
  });

  test.each([
    [body],
    [
      {
        '': 1,
        'a-b': [],
        __proto__x: {},
        nested: [[null, true, -1.5e-7]],
        quote: '\'"\\',
        lines: '\u2028\n',
      },
    ],
    [JSON.parse('{"__proto__": {"a": 1}}')],
  ])('a literal of JavaScript is the value', (value) => {
    const made: unknown = new Function(`return ${scriptLiteral(value)}`)();
    expect(JSON.stringify(made)).toBe(JSON.stringify(value));
  });
});
