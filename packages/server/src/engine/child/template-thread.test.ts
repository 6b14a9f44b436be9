import { afterEach, describe, expect, test } from 'vitest';
import type { ChatTemplate, TemplateMessage } from './chat-template.ts';
import { createTemplateThread, type TemplateThread, type TemplateThreadOptions } from './template-thread.ts';
import { createTemplateWork } from './template-work.ts';

let thread: TemplateThread | undefined;
afterEach(() => thread?.close());

const texts = { bosText: '<s>', eosText: '' };
/** Some minutes of work. */
const endless = '{% for i in range(30000) %}{% for j in range(30000) %}{% endfor %}{% endfor %}';

function open(source: string | undefined, options: TemplateThreadOptions = {}) {
  thread = createTemplateThread(options);
  return thread.open('/models/x.gguf', { source, ...texts });
}

async function opened(source: string, options: TemplateThreadOptions = {}): Promise<ChatTemplate> {
  const result = await open(source, options);
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

const says = (content: string): TemplateMessage[] => [{ role: 'user', content }];
const by = (keyId: string) => ({ keyId, signal: new AbortController().signal });

describe('the thread for templates', () => {
  test('renders by the file’s template, with the texts of the vocabulary', async () => {
    const template = await opened('{{ bos_token }}{% for m in messages %}[{{ m.content }}]{% endfor %}');
    expect(await template.render(says('hi'), [], by('k'))).toEqual({ ok: true, value: '<s>[hi]' });
    expect(template.abilities.system).toBe('anywhere');
  });

  test('fails with the reason of a template that refuses messages', async () => {
    const template = await opened(
      "{% if messages[0].content == 'no' %}{{ raise_exception('not that') }}{% endif %}ok",
    );
    expect(await template.render(says('no'), [], by('k'))).toMatchObject({
      ok: false,
      failure: { code: 'invalid_value', param: 'messages', message: expect.stringContaining('not that') },
    });
  });

  test('names the file of a template that does not end when it is opened', async () => {
    const result = await open(endless, { openMs: 200 });
    expect(result).toMatchObject({ ok: false, failure: { code: 'internal_error' } });
    const line = result.ok ? '' : result.failure.message;
    expect(line).toMatch(/^The chat template of \/models\/x\.gguf does not end: .+ 0\.2 s\./);
    expect(line).not.toContain('\n');
  });

  test('refuses a template that does not end for some chats', async () => {
    const result = await open(`{% if messages|length > 2 %}${endless}{% endif %}{{ messages[0].content }}`, {
      openMs: 400,
    });
    expect(result.ok).toBe(false);
  });

  test('refuses a template that takes all memory, and the process survives', async () => {
    const result = await open('{% for i in range(30000000) %}{% endfor %}', { heapMiB: 32 });
    expect(!result.ok && result.failure.message).toContain('takes more than 32 MiB of memory');
  });

  test('a prompt that its template never ends fails that request only', async () => {
    const template = await opened(
      `{% if messages[0].content == 'loop' %}${endless}{% endif %}{{ messages[0].content }}`,
      { renderMs: 500 },
    );
    const [slow, other] = await Promise.all([
      template.render(says('loop'), [], by('slow')),
      template.render(says('hi'), [], by('other')),
    ]);
    expect(slow).toMatchObject({ ok: false, failure: { code: 'invalid_value', param: 'messages' } });
    expect(other).toEqual({ ok: true, value: 'hi' });
  });
});

test('a prompt over the limit of length does not leave the thread', () => {
  const work = createTemplateWork();
  const template = { source: "{{ messages[0].content | replace('a', messages[0].content) }}", ...texts };
  const messages = says('a'.repeat(9_000));
  expect(work({ type: 'render', template, messages, tools: [] })).toEqual({
    type: 'too-long',
    units: 81_000_000,
  });
});
