import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser, withoutBrowser } from '../support/browser.ts';
import { oneAttempt } from '../support/lab.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { looks, looksRight } from './axe.ts';
import { openPage, type PlaygroundPage } from './page.ts';

const reason = withoutBrowser === undefined ? '' : ` (skipped: ${withoutBrowser})`;

const weather = { name: 'get_weather', arguments: { city: 'Bern' }, pieces: 6 };

/** What no real model does on demand. */
const script: ConfigTree = {
  answers: [
    { when: { model: 'weather', last_role: 'tool' }, steps: [{ text: 'Light rain in Bern.' }] },
    { when: { model: 'weather' }, steps: [{ text: 'I look it up.' }, { tool_call: weather, every: '40ms' }] },
    { when: { model: 'loop' }, steps: [{ tool_call: { name: 'add', arguments: { a: 1, b: 2 } } }] },
    {
      when: { model: 'wrong' },
      steps: [{ tool_call: { name: 'get_weather', arguments: { city: 7, country: 'CH' } } }],
    },
    {
      when: { model: 'torn' },
      steps: [
        { event: { type: 'tool-call-start', choice: 0, index: 0, id: 'call_1', name: 'get_weather' } },
        { event: { type: 'tool-call-delta', choice: 0, index: 0, json: '{\\"city\\": \\"Be' } },
        { fail: { code: 'upstream_cut', message: 'The scripted upstream stopped in mid-call.' } },
      ],
    },
    {
      when: { model: 'thinker' },
      steps: [
        { reasoning: ['**First', '** I think, ', 'then'], every: '150ms' },
        { wait: '300ms' },
        { reasoning: [' I answer.'] },
        { text: 'An answer.' },
      ],
    },
    {
      when: { model: 'json' },
      steps: [
        { text: ['{"name": "An', 'na", "age": 4', '1, "languages": ["en"', ', "de"]}'], every: '200ms' },
      ],
    },
    {
      when: { model: 'choices' },
      steps: [
        { text: ['One'], choice: 0 },
        { text: ['Two'], choice: 1 },
      ],
    },
    { steps: ['echo'] },
  ],
};
const scripted = ['weather', 'loop', 'wrong', 'torn', 'thinker', 'json', 'choices', 'echo'];

describe.skipIf(withoutBrowser !== undefined)(
  `tools, JSON answers and parameters in Chromium${reason}`,
  () => {
    let server: TestServer;
    let browser: Browser;
    beforeAll(async () => {
      [server, browser] = await Promise.all([
        startServer({
          model: 'default',
          config: {
            ...oneAttempt,
            upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
            models: Object.fromEntries(
              scripted.map((model) => [model, { targets: [{ upstream: 'lab', model }] }]),
            ),
          },
          files: { 'answers.yaml': script },
        }),
        startBrowser(),
      ]);
    });
    afterAll(async () => {
      await browser?.close();
      await server?.stop();
    });

    async function open(
      model: string,
      options: Parameters<typeof openPage>[2] = {},
    ): Promise<PlaygroundPage> {
      const page = await openPage(browser, server, options);
      onTestFinished(async () => {
        await page.close();
        expect(page.offences).toEqual([]);
      });
      await page.choose(model);
      return page;
    }

    /** Opens the panel with these of the examples. */
    async function withTools({ page, button }: PlaygroundPage, ...examples: string[]): Promise<Locator> {
      await page.getByRole('button', { name: /^Tools/ }).click();
      for (const example of examples) await button(example).click();
      return page.getByRole('complementary', { name: 'Tools' });
    }

    test('the real model calls a function, its result is typed, and the answer goes on', async () => {
      const page = await open('smollm2-135m-instruct');
      const panel = await withTools(page, 'Weather');
      await panel.getByRole('combobox', { name: 'tool_choice' }).selectOption('required');
      const lengths = await watchGrowth(page, '.call code', 'textContent.length');
      await page.ask('What is the weather in Bern?');
      const call = page.page.getByRole('figure', { name: 'Call of get_weather' });
      await call.waitFor();
      await call.getByText('valid', { exact: true }).waitFor();
      expect((await lengths()).length).toBeGreaterThan(2);
      expect(JSON.parse(await call.locator('code').innerText())).toHaveProperty('city');
      expect(await page.button('Send results').isDisabled()).toBe(true);
      await panel.getByRole('combobox', { name: 'tool_choice' }).selectOption('none');
      await page.page.getByRole('textbox', { name: 'Result of get_weather' }).fill('{"sky": "light rain"}');
      await page.button('Send results').click();
      await page.answered();
      expect(await page.page.getByRole('article', { name: 'Tool' }).innerText()).toContain('light rain');
      await vi.waitFor(async () => expect(await page.assistant.count()).toBe(2));
      await page.assistant
        .last()
        .getByText(/^(stop|length)$/)
        .waitFor();
      expect(await page.button('Send results').count()).toBe(0);
    });

    test('with the switch each call gets its mock result, and the chat goes on by itself', async () => {
      const page = await open('weather');
      const panel = await withTools(page, 'Weather');
      await panel.getByRole('switch', { name: 'Answer from the mock' }).check();
      await page.ask('What is the weather in Bern?');
      await page.assistant.getByText('Light rain in Bern.').waitFor();
      expect(await page.page.getByRole('article', { name: 'Tool' }).innerText()).toContain('temperature');
      // A reload keeps the tools, the calls and the results.
      await page.page.reload();
      await page.assistant.getByText('Light rain in Bern.').waitFor();
      await page.page.getByRole('figure', { name: 'Call of get_weather' }).getByText('valid').waitFor();
    });

    test('a model that never stops to call is answered eight times, then a person decides', async () => {
      const page = await open('loop');
      const panel = await withTools(page, 'Add two numbers');
      await panel.getByRole('switch', { name: 'Answer from the mock' }).check();
      await page.ask('Add.');
      await page.page.getByText('8 turns in a row were answered from the mocks.').waitFor();
      expect(await page.page.getByRole('article', { name: 'Tool' }).count()).toBe(8);
      await page.button('Use mock').click();
      await page.button('Send results').click();
      await vi.waitFor(async () =>
        expect(await page.page.getByRole('article', { name: 'Tool' }).count()).toBe(9),
      );
    });

    test('arguments that do not follow the schema are said to be wrong, each with its path', async () => {
      const page = await open('wrong');
      await withTools(page, 'Weather');
      await page.ask('What is the weather?');
      const errors = page.assistant.getByRole('list', { name: 'Errors' });
      await errors.getByText('city: ').waitFor();
      await errors.getByText('country: ').waitFor();
    });

    test('a call that breaks off shows what has come, and is asked for again', async () => {
      const page = await open('torn');
      await withTools(page, 'Weather');
      await page.ask('What is the weather?');
      await page.alert.getByText('upstream_cut').waitFor();
      const call = page.page.getByRole('figure', { name: 'Call of get_weather' });
      expect(await call.innerText()).toContain('{"city": "Be');
      expect(await page.button('Send results').count()).toBe(0);
      await page.choose('weather');
      await page.button('Regenerate').click();
      await page.button('Send results').waitFor();
      expect(await call.innerText()).toContain('"city": "Bern"');
    });

    test('a JSON answer of the real model grows as a tree by its schema, and is valid', async () => {
      const page = await open('smollm2-135m-instruct');
      await page.page.getByRole('combobox', { name: 'response_format' }).selectOption('json_schema');
      // Of bounded length: the small model seldom ends a text by itself.
      const name = { type: 'string', maxLength: 20 };
      const properties = {
        name,
        age: { type: 'integer', minimum: 0, maximum: 120 },
        languages: { type: 'array', items: name, maxItems: 3 },
      };
      const schema = {
        type: 'object',
        properties,
        required: Object.keys(properties),
        additionalProperties: false,
      };
      await page.page.locator('.cm-editor').waitFor();
      await write(page.page.getByRole('textbox', { name: 'Schema of the answer' }), JSON.stringify(schema));
      const rows = await watchGrowth(page, '.json-tree', 'children.length');
      await page.ask('Invent a person.');
      const tree = page.page.getByRole('list', { name: 'The answer as a tree' });
      await page.assistant.getByText('valid', { exact: true }).waitFor();
      await tree.getByText('languages').waitFor();
      expect((await rows()).length).toBeGreaterThan(2);
      await page.button('Text').click();
      expect(JSON.parse(await page.assistant.locator('.json-answer pre').innerText())).toHaveProperty('age');
    });

    test('a schema that the server refuses is shown at its field, and mended there', async () => {
      const page = await open('smollm2-135m-instruct');
      await page.page.getByRole('combobox', { name: 'response_format' }).selectOption('json_schema');
      const editor = page.page.getByRole('textbox', { name: 'Schema of the answer' });
      await page.page.locator('.cm-editor').waitFor();
      await write(editor, '{"type": "object", "properties": {"a": {"if": {}}}}');
      await page.ask('Invent one.');
      await page.alert.getByText('unsupported_parameter').waitFor();
      const mistakes = page.page.getByRole('list', { name: 'Mistakes in Schema of the answer' });
      await mistakes.getByText('response_format.json_schema.schema.properties.a.if').waitFor();
      expect(await editor.getAttribute('aria-invalid')).toBe('true');
      await page.button('Close Parameters').click();
      await page.button('Show the field').click();
      await vi.waitFor(async () =>
        expect(await page.page.evaluate('document.activeElement.id')).toBe('field-response_format.schema'),
      );
      await page.button('A person').click();
      await page.page.getByRole('textbox', { name: 'max_tokens' }).fill('80');
      await page.button('Regenerate').click();
      await page.page.getByRole('list', { name: 'The answer as a tree' }).waitFor();
      await page.button('Stop').click();
    });

    test('a mistake in the parameters of a function is said with its line, and nothing is sent', async () => {
      const page = await open('smollm2-135m-instruct');
      const panel = await withTools(page, 'Weather');
      await panel.locator('.cm-editor').waitFor();
      const editor = panel.getByRole('textbox', { name: 'Parameters of get_weather' });
      await write(editor, '{\n  "type": "objekt"\n}');
      await panel.getByText('type: ').waitFor();
      await write(editor, '{\n  "type": "object",\n}');
      await panel.getByText('No JSON at line 3, column 1').waitFor();
      await page.ask('What is the weather?');
      await page.alert.getByText('The request is not sent.').waitFor();
      await write(editor, '{"type": "object", "properties": {"a": {"if": {}}}}');
      await page.button('Regenerate').click();
      await panel.getByText('tools[0].function.parameters.properties.a.if').waitFor();
    });

    test('refused parameters open their group, and other fields go with the request', async () => {
      const page = await open('smollm2-135m-instruct');
      await page.page.getByText('Choices and probabilities').click();
      await page.page.getByRole('textbox', { name: 'top_logprobs' }).fill('3');
      await page.page.getByText('Choices and probabilities').click();
      await page.ask('Hello');
      await page.alert.getByText('invalid_value').waitFor();
      const field = page.page.getByRole('textbox', { name: 'top_logprobs' });
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      await page.button('Reset all').click();
      await page.page.getByText('Other fields', { exact: true }).click();
      const others = page.page.getByRole('textbox', { name: 'Other fields' });
      await others.fill('{"top_k": 4');
      await page.page.getByText('The JSON ends too early').waitFor();
      await others.fill('{"nobody_knows": 4, "max_tokens": 3}');
      await page.button('Regenerate').click();
      await page.page.getByText('nobody_knows').last().waitFor();
      await page.alert.getByText('unsupported_parameter').waitFor();
      expect(await others.getAttribute('aria-invalid')).toBe('true');
      await others.fill('{"max_tokens": 3}');
      await page.button('Regenerate').click();
      await page.assistant.getByText('length', { exact: true }).waitFor();
    });

    test('each of several choices is a version of the answer', async () => {
      const page = await open('choices');
      await page.page.getByText('Choices and probabilities').click();
      await page.page.getByRole('textbox', { name: 'n', exact: true }).fill('2');
      await page.ask('Two answers, please.');
      await page.answered();
      await page.assistant.getByText('One', { exact: true }).waitFor();
      await page.button('Next version').click();
      await page.assistant.getByText('Two', { exact: true }).waitFor();
    });

    test('thoughts have their time, and are read where they are opened', async () => {
      const page = await open('thinker');
      await page.ask('Why?');
      await page.assistant.getByText(/^Thinking… \d\.\d s$/).waitFor();
      await page.assistant.getByText(/^Thought for \d\.\d s$/).waitFor();
      expect(await page.assistant.innerText()).not.toContain('I think');
      await page.assistant.getByText(/^Thought for/).click();
      expect(await page.assistant.locator('.thoughts strong').innerText()).toBe('First');
      expect(await page.assistant.locator('.thoughts').innerText()).toContain('then I answer.');
    });

    test('the keyboard alone defines a function and answers its call', async () => {
      const page = await open('weather');
      const { keyboard } = page.page;
      await page.page.getByRole('button', { name: /^Tools/ }).focus();
      await keyboard.press('Enter');
      await page.button('Weather').focus();
      await keyboard.press('Enter');
      await page.page.getByRole('textbox', { name: 'name', exact: true }).focus();
      await page.page.locator('.cm-editor').waitFor();
      // The editor lets the focus go on.
      while (!(await page.page.evaluate('document.activeElement.id.endsWith("-mock")')))
        await keyboard.press('Tab');
      await page.message.focus();
      await keyboard.type('Weather?');
      await keyboard.press('Enter');
      const result = page.page.getByRole('textbox', { name: 'Result of get_weather' });
      await result.focus();
      await keyboard.type('rain');
      await keyboard.press('Tab');
      await keyboard.press('Tab');
      await keyboard.press('Enter');
      await page.assistant.getByText('Light rain in Bern.').waitFor();
    });

    test.each(looks)(
      'axe finds nothing, and nothing is cut off, %s at %i pixels',
      async (colorScheme, width) => {
        const page = await open('weather', { colorScheme, viewport: { width, height: 844 } });
        const check = (view: string): Promise<void> => looksRight(page.page, view);
        const panel = await withTools(page, 'Weather');
        await panel.locator('.cm-editor').waitFor();
        await check('the tools');
        await page.button('Close Tools').click();
        await page.ask('Weather?');
        await page.button('Send results').waitFor();
        await check('a call');
        await page.choose('json');
        await page.button('Parameters').click();
        await page.page.getByRole('combobox', { name: 'response_format' }).selectOption('json_schema');
        for (const title of await page.page.locator('.group > summary').all()) await title.click();
        await page.page.locator('.cm-editor').waitFor();
        await check('all parameters');
        await page.button('Close Parameters').click();
        await page.ask('Invent a person.');
        await page.assistant.getByText('valid', { exact: true }).last().waitFor();
        await check('a tree');
      },
    );
  },
);

/** Writes a text in the place of that of an editor, as a person does; `fill` goes past the events of the keyboard. */
async function write(editor: Locator, text: string): Promise<void> {
  await editor.click();
  const { keyboard } = editor.page();
  await keyboard.press('ControlOrMeta+A');
  await keyboard.insertText(text);
}

/** Notes, from now on, each value that a property of the first such element takes. */
async function watchGrowth(
  { page }: PlaygroundPage,
  selector: string,
  property: string,
): Promise<() => Promise<readonly number[]>> {
  await page.evaluate(`
    window.seen = new Set();
    new MutationObserver(() => {
      const element = document.querySelector('${selector}');
      if (element !== null) window.seen.add(element.${property});
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  `);
  return () => page.evaluate('[...window.seen]');
}
