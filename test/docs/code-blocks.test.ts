import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { typeCheck } from '../../packages/client/src/testing/type-check.ts';
import { roundsOf } from '../../packages/server/src/testing/suite-part.ts';
import { filesOf, isPrinted, problemOfFence, problemsOfText, shownOutput, wayOf } from './checks.ts';
import {
  pages as allPages,
  type CodeBlock,
  type Page,
  placeOf,
  readPage,
  root,
  wholeCode,
} from './code-blocks.ts';
import { createDocsServers } from './docs-servers.ts';
import { problemsOfNginx } from './nginx-block.ts';
import { createProgramRunner, type Ran, withoutPython } from './programs.ts';

/*
 * Every block of code in the pages is checked, or says why it is not; CONTRIBUTING.md says how. While you write a page, name it:
 * TAILRACE_TEST_PAGE=docs/streaming.md npm test -- docs/code-blocks
 */

const only = process.env['TAILRACE_TEST_PAGE'];
const pages = allPages.filter((name) => only === undefined || name === only).map(readPage);
/** In `npm run soak` the local engine answers all pages. */
const isWhole = roundsOf(1, 0) === 1;
const engineModel = 'smollm2-135m-instruct';

const isProgram = (block: CodeBlock) => ['run', 'route'].includes(wayOf(block));
const programs = pages.flatMap((page) =>
  page.blocks.filter(isProgram).map((block) => ({ block, page, ran: Promise.withResolvers<Ran>() })),
);

const servers = createDocsServers();
const runner = createProgramRunner();
beforeAll(() => {
  // Two lanes: Python programs share a process, which runs one at a time.
  const isPython = ({ language }: CodeBlock) => language === 'python';
  void runAll(programs.filter(({ block }) => isPython(block)));
  void runAll(programs.filter(({ block }) => !isPython(block)));
});
afterAll(async () => {
  await runner.close();
  await servers.stop();
});

async function runAll(lane: typeof programs): Promise<void> {
  for (const { block, page, ran } of lane) await runProgram(block, page).then(ran.resolve, ran.reject);
}

async function runProgram(block: CodeBlock, page: Page): Promise<Ran> {
  const server = await servers.named(page.settings.server ?? 'main');
  const model = page.settings.model ?? (isWhole ? engineModel : 'default');
  const code = wholeCode(block, page)
    .replaceAll('http://127.0.0.1:7245', server.baseUrl)
    .replaceAll(/(["'])default\1/g, `$1${model}$1`);
  return await runner.run({
    ...{ code, server, language: block.language, files: filesOf(page) },
    way: wayOf(block) === 'route' ? 'route' : 'run',
    serves: block.keys.get('serves'),
  });
}

describe.each(pages)('$name', (page) => {
  test('says of each block of code how it is checked, or why not', () => {
    const problems = page.blocks.flatMap((block) => {
      const problem = problemOfFence(block, page);
      return problem === undefined ? [] : [`${placeOf(block)}: ${problem}`];
    });
    expect(problems).toEqual([]);
  });

  test('has only texts of code that load', async () => {
    const problems = await Promise.all(
      page.blocks.map(async (block) => {
        const found =
          wayOf(block) === 'nginx'
            ? await problemsOfNginx(wholeCode(block, page))
            : await problemsOfText(block, page);
        return found.map((problem) => `${placeOf(block)}: ${problem}`);
      }),
    );
    expect(problems.flat()).toEqual([]);
  });

  const components = page.blocks.filter((block) => wayOf(block) === 'types');
  const haveTypes = async () => {
    const found = await typeCheck(
      components.map(({ code }) => code),
      {
        extension: 'tsx',
        extends: 'packages/client/tsconfig.react.json',
        compilerOptions: {
          jsx: 'react-jsx',
          paths: {
            'tailrace/react': [path.join(root, 'packages/client/src/react/index.ts')],
            react: [path.join(root, 'node_modules/@types/react')],
            'react/jsx-runtime': [path.join(root, 'node_modules/@types/react/jsx-runtime')],
          },
        },
      },
    );
    expect(found, components.map(placeOf).join(', ')).toBe('');
  };
  if (components.length > 0) test('has components with the right types', haveTypes);

  for (const { block, ran } of programs.filter((program) => program.page === page)) {
    const without = block.language === 'python' && withoutPython !== '' ? `, skipped: ${withoutPython}` : '';
    test.skipIf(without !== '')(`line ${block.line}: ${block.language}${without}`, async () => {
      const { code, stdout, stderr } = await ran.promise;
      const expected = Number(block.keys.get('exit') ?? 0);
      expect(
        code,
        `${placeOf(block)} ended with ${code}:\n${stdout.slice(-2000)}\n${stderr.slice(-4000)}`,
      ).toBe(expected);
      const shown = shownOutput(block, page);
      if (shown !== undefined && !isWhole && !isPrinted(shown, stdout))
        expect.fail(`${placeOf(shown)} shows another output than that of ${placeOf(block)}:\n${stdout}`);
    });
  }
});

test('TAILRACE_TEST_PAGE names a page', () => {
  expect(only === undefined || existsSync(path.join(root, only))).toBe(true);
});
