import { readFileSync, writeFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { labFiles, labUpstreams } from '../support/lab.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { type OpenOptions, openConsole } from './page.ts';

const secrets = {
  key: 'sk-live-plantedupstreamkey0123',
  header: 'planted-value-of-a-header',
  password: 'plantedpassword',
  environment: 'planted-value-of-the-environment',
  line: 'tr_planted_in_a_wrong_line_0123456789',
} as const;

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

describe.skipIf(withoutBrowser !== undefined)(`the configuration in the console in Chromium${reason}`, () => {
  let server: TestServer;
  let browser: Browser;
  let file: string;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({
        model: 'none',
        config: {
          retry: { per_target: 2 },
          upstreams: {
            ...labUpstreams,
            cloud: {
              base_url: 'https://cloud.example/v1',
              proxy: `http://user:${secrets.password}@proxy.example:3128`,
              api_key: [secrets.key, `\${${'PLANTED'}}`],
              headers: { 'x-team': secrets.header },
            },
          },
          models: {
            'lab/plain': {
              targets: [
                { upstream: 'lab', model: 'plain' },
                { upstream: 'cloud', model: 'm' },
              ],
            },
          },
        },
        files: labFiles,
        env: { PLANTED: secrets.environment },
      }),
      startBrowser(),
    ]);
    file = readFileSync(server.configFile, 'utf8');
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function open(options: OpenOptions = {}): Promise<Page> {
    writeFileSync(server.configFile, file);
    const opened = await openConsole(browser, server, '#/console/configuration', options);
    const { page } = opened;
    onTestFinished(async () => {
      const shown = String(await page.evaluate('document.documentElement.outerHTML'));
      for (const secret of Object.values(secrets)) expect(shown).not.toContain(secret);
      await opened.close();
      expect(opened.offences).toEqual([]);
    });
    await page.getByRole('region', { name: 'server' }).waitFor();
    return page;
  }
  const reload = (page: Page) => page.getByRole('button', { name: 'Reload', exact: true }).click();

  test('is YAML by sections, with what sets each setting, and without a secret', async () => {
    const page = await open();
    await page.getByRole('heading', { level: 2, name: 'Configuration' }).waitFor();
    await page.getByText(server.configFile, { exact: true }).waitFor();
    const section = (name: string) => page.getByRole('region', { name, exact: true });
    const upstreams = await section('upstreams').innerText();
    expect(upstreams).toContain('api_key: ["***", "***"]');
    expect(upstreams).toContain('x-team: "***"');
    const line = file.split('\n').findIndex((text) => text.includes('"per_target"')) + 1;
    const perTarget = section('retry').locator('.line', { hasText: 'per_target: 2' });
    expect(await perTarget.innerText()).toContain(`tailrace.yaml:${line}`);
    expect(await perTarget.getAttribute('class')).toContain('set');
    const total = section('retry').locator('.line', { hasText: 'total: 6' });
    expect(await total.getAttribute('class')).toContain('default');
    const listen = section('server').locator('.line', { hasText: 'listen:' });
    expect(await listen.innerText()).toMatch(/restart\s+--listen/);
  });

  test('is searched, and shown without what has its default', async () => {
    const page = await open();
    await page.getByRole('searchbox', { name: 'Search' }).fill('per_target');
    const lines = page.locator('.yaml .line');
    await vi.waitFor(async () => expect(await lines.count()).toBe(2));
    expect(await lines.allInnerTexts()).toEqual([
      expect.stringContaining('retry:'),
      expect.stringContaining('per_target: 2'),
    ]);
    await page.getByRole('searchbox', { name: 'Search' }).fill('');
    await page.getByText('per_target').waitFor();
    const all = await lines.count();
    await page.getByRole('switch', { name: 'Without defaults' }).check();
    await vi.waitFor(async () => expect(await lines.count()).toBeLessThan(all));
    expect(await page.getByText('per_target: 2').count()).toBe(1);
    expect(await page.getByText('total: 6').count()).toBe(0);
  });

  test('a typo is refused at its line, and once it is mended the reload says what changed', async () => {
    const page = await open();
    const wrong = file
      .replace('"per_target": 2', '"per_targt": 2')
      .replace('"upstreams": {', `"limits": {"max_streams": "${secrets.line}"},\n  "upstreams": {`);
    writeFileSync(server.configFile, wrong);
    await reload(page);
    const alert = page.getByRole('alert');
    await alert.getByText('invalid_value').waitFor();
    const lineOf = (text: string) => wrong.split('\n').findIndex((line) => line.includes(text)) + 1;
    const problems = await alert.getByRole('listitem').allInnerTexts();
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain(`line ${lineOf('per_targt')}, column`);
    expect(problems[0]).toMatch(/retry\.per_targt[\s\S]*per_target/);
    expect(problems[1]).toContain(`line ${lineOf('max_streams')}, column`);
    expect(problems[1]).toContain('limits.max_streams');
    // The old one stays.
    await page.getByText('per_target: 2').waitFor();

    writeFileSync(server.configFile, file.replace('"per_target": 2', '"per_target": 4'));
    await reload(page);
    await page.getByRole('status').getByText('One setting has changed').waitFor();
    expect(await page.getByRole('status').getByRole('listitem').allInnerTexts()).toEqual([
      'retry.per_target changed',
    ]);
    await page.getByText('per_target: 4').waitFor();
    expect(await alert.count()).toBe(0);
    await reload(page);
    await page.getByText('Nothing is different').waitFor();
  });

  test('a setting that only a restart changes is refused by its name', async () => {
    const page = await open();
    await reload(page);
    writeFileSync(server.configFile, file.replace('"retry"', '"storage": {"retention": "7d"},\n  "retry"'));
    await reload(page);
    await page.getByRole('alert').getByText('storage cannot change while the server runs').waitFor();
    writeFileSync(server.configFile, file);
    await reload(page);
    await page.getByText('Reloaded at').waitFor();
  });

  test.each(looks)(
    'axe finds nothing, and nothing is cut off, %s at %i pixels',
    async (colorScheme, width) => {
      const page = await open({ colorScheme, viewport: { width, height: 844 } });
      await reload(page);
      await page.getByText('Reloaded at').waitFor();
      await looksRight(page, 'a reload');
      writeFileSync(server.configFile, file.replace('"per_target"', '"per_targt"'));
      await reload(page);
      await page.getByRole('alert').waitFor();
      await looksRight(page, 'a refused reload');
    },
  );
});
