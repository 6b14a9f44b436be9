// "A snippet runs by swapping the import": the programs in the READMEs of OpenAI's package and of those of five providers, taken from
// the installed packages as they are, run with the client of this repository. Nothing else in them is changed; the address and the
// key come from the environment.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChild } from '../support/child.ts';
import { labFiles, labUpstreams, oneAttempt } from '../support/lab.ts';
import { createScratch, type Scratch } from '../support/scratch.ts';
import { startServer, type TestServer } from '../support/server.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
const client = pathToFileURL(path.join(here, '../../packages/client/src/index.ts')).href;
const answer = 'Rivers carry water downhill.';

/** Folder of the package, the name of its client, and how many programs its README had when this test was written. */
const packages = [
  { folder: 'openai', client: 'OpenAI', programs: 3 },
  { folder: 'openai-v4', client: 'OpenAI', programs: 3 },
  { folder: '@cerebras/cerebras_cloud_sdk', client: 'Cerebras', programs: 7 },
  { folder: '@digitalocean/gradient', client: 'Gradient', programs: 7 },
  { folder: 'groq-sdk', client: 'Groq', programs: 6 },
  { folder: '@perplexity-ai/perplexity_ai', client: 'Perplexity', programs: 2 },
  { folder: 'together-ai', client: 'Together', programs: 7 },
] as const;

/** Programs that chat completions of a Tailrace server cannot be meant by. */
const elsewhere = [
  // Other services of the vendor.
  /AzureOpenAI|workloadIdentity|\.search\.|\.responses\.|\.agents\./,
  // Of fetch by node-fetch, which has agents.
  /httpAgent/,
  // Sketches without messages.
  /^\s*\/\/ \.\.\.$/m,
];

interface Program {
  readonly title: string;
  readonly code: string;
}

async function programsOf({ folder, client: imported }: (typeof packages)[number]): Promise<Program[]> {
  const readme = await readFile(path.join(here, 'node_modules', folder, 'README.md'), 'utf8');
  return [...readme.matchAll(/```(?:ts|js)\n(.*?)```/gs)]
    .map(([, code = '']) => code)
    .filter((code) => code.includes('chat.completions') && !elsewhere.some((kind) => kind.test(code)))
    .map((code, index) => ({ title: `${imported}, program ${index + 1} of ${folder}`, code }));
}

const found = await Promise.all(packages.map(async (of) => ({ ...of, found: await programsOf(of) })));
/** Ids that the programs name, except the one that must not exist. */
const models = new Set(
  found
    .flatMap((of) => of.found)
    .flatMap(({ code }) => [...code.matchAll(/model: '([^']+)'/g)].map(([, id = '']) => id))
    .filter((id) => !id.includes('doesnt-exist')),
);

/** Tells of each request on standard error. */
const watch = `const { fetch } = globalThis;
globalThis.fetch = async (url, init) => {
  const response = await fetch(url, init);
  process.stderr.write(\`\${init.method} \${new URL(url).pathname} \${response.status}\\n\`);
  return response;
};`;

/** What a program has printed of the answer: the text alone, or objects with it. */
function printedText(said: string): string {
  const contents = [...said.matchAll(/content: '([^']*)'/g)].map(([, text]) => text);
  return contents.length > 0 ? contents.join('') : said.trim();
}

let server: TestServer;
let scratch: Scratch;
beforeAll(async () => {
  scratch = createScratch('readmes');
  scratch.write('watch.mjs', watch);
  server = await startServer({
    model: 'none',
    config: {
      ...oneAttempt,
      upstreams: labUpstreams,
      models: Object.fromEntries(
        [...models].map((id) => [id, { targets: [{ upstream: 'lab', model: 'plain' }] }]),
      ),
    },
    files: labFiles,
  });
});
afterAll(async () => {
  await server?.stop();
  scratch?.remove();
});

describe.each(found)('the README of $folder', ({ client: name, programs, found: its }) => {
  test('has its programs', () => {
    expect(its.length).toBe(programs);
  });

  test.each(its)('$title', async ({ code }) => {
    const imports = new RegExp(`import ${name} from '[^']+';`);
    const swapped = `import ${name} from '${client}';`;
    const whole = imports.test(code) ? code.replace(imports, swapped) : `${swapped}\n${code}`;
    const made = whole.includes(`new ${name}(`) ? '' : `\nconst client = new ${name}();`;
    const file = scratch.write('program.mts', whole.replace(swapped, swapped + made));
    const key = `${name.toUpperCase()}_API_KEY`;
    const child = startChild(process.execPath, ['--import', path.join(scratch.path, 'watch.mjs'), file], {
      env: {
        ...process.env,
        [key]: server.apiKey,
        TAILRACE_API_KEY: server.apiKey,
        TAILRACE_BASE_URL: `${server.baseUrl}/v1`,
      },
    });
    const { code: exit } = await child.exited;
    const [said, asked] = [child.stdout(), child.stderr()];
    expect(exit, said + asked).toBe(0);
    const refused = code.includes('doesnt-exist');
    expect(asked).toContain(`POST /v1/chat/completions ${refused ? 404 : 200}`);
    if (refused) expect(said).toMatch(/^404\nNotFoundError\n/);
    else if (/(?:log|write)\(.*(?:message|choices|content)/.test(code))
      expect(printedText(said)).toBe(answer);
    else if (/log\(.*(?:\.id|chatCompletion)\)/.test(code)) expect(said).toContain('chatcmpl-');
    else expect(said).toBe('');
  });
});
