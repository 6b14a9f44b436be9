// Servers of others. What the judge finds there was looked up by hand, most of it with curl: docs/check.md. A version that behaves
// otherwise fails here, and has to be looked at again.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startChild } from '../support/child.ts';
import { createScratch } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { hasLiteLlm, startLiteLlm } from '../upstreams/start-litellm.ts';
import { hasLlamaServer, startLlamaServer } from '../upstreams/start-llama-server.ts';
import { resultsOf } from './run-check.ts';

const aimock = fileURLToPath(
  new URL('../clients/node_modules/@copilotkit/aimock/dist/cli.js', import.meta.url),
);
const answers = {
  fixtures: [
    {
      match: { userMessage: 'weather' },
      response: { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Oslo"}' }] },
    },
    { match: { userMessage: 'capital' }, response: { content: '{"city":"Oslo","large":false}' } },
    { match: { userMessage: 'JSON object' }, response: { content: '{"city": "Oslo"}' } },
    {
      match: {},
      response: {
        content:
          'Grüße, Müller 😀 said the river. It runs slowly to the east. Then it turns at the old mill, and ends in the sea.',
      },
    },
  ],
};

/** The rules of OpenAI's form that are broken, but for those of which time decides. */
async function foundAt(...args: readonly string[]): Promise<readonly string[]> {
  const ofTime = ['incremental', 'chunk-created', 'disconnect', 'slow-reader'];
  return [...(await resultsOf(...args, '--only', 'openai')).values()]
    .filter(({ verdict }) => verdict === 'fail' || verdict === 'warn')
    .map(({ id }) => id.slice('openai/'.length))
    .filter((id) => !ofTime.includes(id))
    .sort();
}

describe.skipIf(!existsSync(aimock))('aimock (npm test installs it)', () => {
  test('ignores max_tokens, stop, n and logprobs, and takes every value', async () => {
    const scratch = createScratch('aimock-check');
    onTestFinished(() => scratch.remove());
    const file = scratch.write('answers.json', JSON.stringify(answers));
    const mock = startChild(process.execPath, [aimock, '-p', '0', '-f', file, '--chunk-size', '7']);
    onTestFinished(async () => void (await mock.end('SIGTERM', 5_000)));
    const url = await until('aimock to listen', 20_000, () => {
      if (mock.exit() !== undefined) throw new Error(mock.stderr());
      return /listening on (http:\S+)/.exec(mock.stdout() + mock.stderr())?.[1];
    });
    expect(await foundAt(`${url}/v1`, '--model', 'gpt-5')).toEqual([
      'choices',
      'length',
      'logprobs',
      'max-completion-tokens',
      'mistake-refused',
      'stop-string',
      'unknown-model',
      'usage-plausible',
    ]);
  });
});

describe.skipIf(!hasLlamaServer)(
  'llama-server (TAILRACE_TEST_LLAMA_SERVER names its binary, TAILRACE_TEST_MODEL a GGUF)',
  () => {
    test('counts each choice apart, closes after a stream, and takes any model and role', async () => {
      const engine = await startLlamaServer();
      onTestFinished(() => engine.stop());
      const found = await foundAt(engine.baseUrl, '--model', engine.model, '--timeout', '3m');
      expect(found).toEqual(
        expect.arrayContaining([
          'caching',
          'error-fields',
          'http-1.0',
          'mistake-refused',
          'request-id',
          'reuse',
          'unknown-model',
          'usage-choices',
          'usage-once',
        ]),
      );
    });
  },
);

describe.skipIf(!hasLiteLlm)(
  'LiteLLM in front of llama-server (TAILRACE_TEST_LITELLM names its command)',
  () => {
    test('never finishes the second choice, and answers a wrong key with status 400', async () => {
      const gateway = await startLiteLlm();
      onTestFinished(() => gateway.stop());
      const asked = ['--model', gateway.model, '--key', gateway.apiKey, '--timeout', '3m'];
      expect(await foundAt(gateway.baseUrl, ...asked)).toEqual(
        expect.arrayContaining(['bad-key', 'finish', 'request-id', 'role-first']),
      );
    });
  },
);
