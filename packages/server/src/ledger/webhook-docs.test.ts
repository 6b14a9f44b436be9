import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatProblem } from '../config/config-problem.ts';
import { loadConfig } from '../config/load-config.ts';
import { memoryFiles } from '../testing/memory-files.ts';
import { signedHeaders, webhookKey } from './webhook-signature.ts';

const page = readFileSync(new URL('../../../../docs/webhook.md', import.meta.url), 'utf8');
const body = '{"id":"chatcmpl-1","data":{"user":"Zoë"}}';

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\b[^\n]*\n([^]*?)\`\`\``).exec(page)?.[1];
  if (found === undefined) throw new Error(`the page has no block of ${language}`);
  return found;
}

it.each(['a-secret-of-the-receiver', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])(
  'the verification in Node that the page shows accepts what we sign, and nothing else (%s)',
  async (secret) => {
    const { verified } = (await import(`data:text/javascript,${encodeURIComponent(block('js'))}`)) as {
      verified(secret: string, headers: object, body: string): boolean;
    };
    const headers = signedHeaders(webhookKey(secret), { id: 'chatcmpl-1', body, atMs: Date.now() });
    expect(verified(secret, headers, body)).toBe(true);
    expect(verified(secret, headers, body.replace('Zoë', 'Zoe'))).toBe(false);
    expect(verified('another-secret-of-it', headers, body)).toBe(false);
    const old = signedHeaders(webhookKey(secret), { id: 'chatcmpl-1', body, atMs: Date.now() - 600_000 });
    expect(verified(secret, old, body)).toBe(false);
  },
);

it('the verification in Python that the page shows accepts what we sign, and nothing else', (context) => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'pipe' });
  } catch {
    return context.skip('no python3 on this machine');
  }
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const headers = signedHeaders(webhookKey(secret), { id: 'chatcmpl-1', body, atMs: Date.now() });
  const program = `${block('python')}
import json, sys
asked = json.load(sys.stdin)
print([verified(asked["secret"], asked["headers"], text.encode()) for text in asked["bodies"]])`;
  const input = JSON.stringify({ secret, headers, bodies: [body, `${body} `] });
  expect(execFileSync('python3', ['-c', program], { input, encoding: 'utf8' }).trim()).toBe('[True, False]');
});

it('the configuration that the page shows loads', async () => {
  const files = memoryFiles('/etc/tailrace', { 'tailrace.yaml': block('yaml') });
  const env = { HOOK_SECRET: 'a-secret-of-the-receiver' };
  const loaded = await loadConfig({ env, cwd: '/etc/tailrace', files });
  expect(loaded.ok ? loaded.config.usage.webhook?.url : loaded.problems.map(formatProblem)).toBe(
    'https://billing.example.org/tailrace',
  );
});
