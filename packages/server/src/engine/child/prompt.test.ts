import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import type { PromptContent } from '../between/context-length.ts';
import type { PromptMessage } from '../between/protocol.ts';
import type { ChatTemplate } from './chat-template.ts';
import { createPrompter, type PrompterOptions, type Vocabulary } from './prompt.ts';
import { detectReasoningTags } from './reasoning-tags.ts';
import { createSpecialTexts } from './special-text.ts';
import { textOf } from './template-thread.ts';
import { createTemplateWork } from './template-work.ts';

const specials = ['<s>', '</s>', '<|im_start|>', '<|im_end|>', '<|im', '[INST]', '[/INST]', '<<a'];

/** One token a UTF-16 unit, 1000 + its code; special ones are 0, 1, 2 … */
function vocabulary(more: Partial<Vocabulary> = {}): Vocabulary {
  return {
    specialTexts: createSpecialTexts(specials.map((text, token) => [text, token] as const)),
    tokenize: (text) => Array.from({ length: text.length }, (_, index) => 1000 + text.charCodeAt(index)),
    bosText: '<s>',
    eosText: '</s>',
    leadingToken: undefined,
    longestToken: 4,
    ...more,
  };
}

const chatml =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

interface Wanted extends Partial<Omit<PrompterOptions, 'template'>> {
  /** Undefined: the file has none. Default: ChatML. */
  readonly template?: string | undefined;
}

const owner: TaskOwner = { keyId: 'k', signal: new AbortController().signal };

/** As the engine's process opens it, but for the thread. */
function openInPlace(source: string | undefined, { bosText = '', eosText = '' }: Vocabulary): ChatTemplate {
  const work = createTemplateWork();
  const opened = work({ type: 'open', template: { source, bosText, eosText } });
  if (opened.type !== 'opened') throw new Error(opened.type);
  const template = { source: opened.facts.source, bosText, eosText };
  return {
    ...opened.facts,
    render: async (messages, tools) => textOf(work({ type: 'render', template, messages, tools })),
  };
}

function prompter({ template = chatml, ...options }: Wanted = {}) {
  return prompterOf(template, options);
}

function prompterOf(source: string | undefined, options: Omit<Wanted, 'template'> = {}) {
  const known = options.vocabulary ?? vocabulary();
  const template = openInPlace(source, known);
  const made = createPrompter({
    tags: detectReasoningTags(source),
    contextLength: 4000,
    breathe: async () => {},
    ...options,
    template,
    vocabulary: known,
  });
  return { ...template, build: (content: PromptContent) => made.build(content, owner) };
}

/** Tokens as text again, special ones as «text». */
function show(tokens: readonly number[]): string {
  return tokens
    .map((token) => (token < 1000 ? `«${specials[token]}»` : String.fromCharCode(token - 1000)))
    .join('');
}

async function built(messages: readonly PromptMessage[], options: Wanted = {}): Promise<string> {
  const result = await prompter(options).build({ messages });
  if (!result.ok) throw new Error(result.failure.message);
  return show(result.value.tokens);
}

describe('prompt', () => {
  test('the template is rendered with its control tokens', async () => {
    expect(await built([{ role: 'user', content: 'hi' }])).toBe(
      '«<|im_start|>»user\nhi«<|im_end|>»\n«<|im_start|>»assistant\n',
    );
  });

  test('content with the text of every control token stays text, letter for letter', async () => {
    const content = `a ${specials.join(' ')} ${specials.join('')} <|im_<|im_end|>_end|> \ue0a70\ue0a7 b`;
    expect(await built([{ role: 'user', content }])).toBe(
      `«<|im_start|>»user\n${content}«<|im_end|>»\n«<|im_start|>»assistant\n`,
    );
  });

  test('content cannot complete a control token that the template began, nor begin one it completes', async () => {
    const template = "{% for m in messages %}{{ '<|' + m.content + '|>' }}{% endfor %}";
    expect(await built([{ role: 'user', content: 'im_end|>' }], { template })).toBe('<|im_end|>|>');
    expect(await built([{ role: 'user', content: 'x<|im_end' }], { template })).toBe('<|x<|im_end|>');
  });

  test('for any mixture of control-token pieces only the template makes control tokens', async () => {
    const piece = fc.constantFrom(
      '<',
      '|',
      '>',
      'im',
      '_end',
      '<|im_end|>',
      '<s>',
      '</s>',
      '[INST]',
      'a',
      ' ',
      '\n',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 14 }), async (pieces) => {
        const content = pieces.join('');
        expect(await built([{ role: 'user', content }])).toBe(
          `«<|im_start|>»user\n${content}«<|im_end|>»\n«<|im_start|>»assistant\n`,
        );
      }),
      { numRuns: 500 },
    );
  });

  test('tool calls and results are guarded too, names of arguments included', async () => {
    const template =
      "{% for m in messages %}{% if m.tool_calls %}{% for c in m.tool_calls %}{{ '[INST]' + c.function.name + (c.function.arguments | tojson) }}{% endfor %}{% else %}{{ m.role + ':' + m.content }}{% endif %}{% endfor %}";
    const text = await built(
      [
        { role: 'user', content: 'q' },
        {
          role: 'assistant',
          content: '',
          toolCalls: [{ id: 'c1', name: 'look</s>', arguments: '{"\\u003c/s>":"\\u003c|im_end|>"}' }],
        },
        { role: 'tool', content: '</s>', toolCallId: 'c1' },
      ],
      { template },
    );
    expect(text).toContain('«[INST]»look</s>');
    expect(text.match(/«/g)).toHaveLength(1);
    expect(text).toContain('<|im_end|>');
    expect(text).toContain('tool:</s>');
  });

  test('pieces of broken text are tokenised apart, all but the first as continued', async () => {
    const calls: [string, boolean][] = [];
    const spying = vocabulary({
      tokenize(text, continued) {
        calls.push([text, continued]);
        return [1000];
      },
    });
    await prompter({ vocabulary: spying }).build({ messages: [{ role: 'user', content: 'x </s> y' }] });
    expect(calls).toEqual([
      ['user\nx <', false],
      ['/s> y', true],
      ['\n', false],
      ['assistant\n', false],
    ]);
  });

  test('the leading token comes once, whether the template writes it or not', async () => {
    const withBos = `{{ bos_token }}${chatml}`;
    const wants = vocabulary({ leadingToken: 0 });
    expect(
      (await built([{ role: 'user', content: 'a' }], { vocabulary: wants })).startsWith('«<s>»«<|im'),
    ).toBe(true);
    expect(await built([{ role: 'user', content: 'a' }], { vocabulary: wants, template: withBos })).toBe(
      await built([{ role: 'user', content: 'a' }], { vocabulary: wants }),
    );
  });

  test('a template without a system role gets the system text in front of the first user message', async () => {
    for (const refusal of ["{{ raise_exception('no system') }}", '']) {
      const template = `{% for m in messages %}{% if m.role == 'system' %}${refusal}{% else %}{{ m.role + ':' + m.content + ';' }}{% endif %}{% endfor %}`;
      expect(
        await built(
          [
            { role: 'system', content: 'be kind' },
            { role: 'user', content: 'hi' },
          ],
          { template },
        ),
      ).toBe('user:be kind\n\nhi;');
    }
  });

  test('a template with a system message only at the start gets all of them there', async () => {
    const template =
      "{% for m in messages %}{% if m.role == 'system' and not loop.first %}{{ raise_exception('late') }}{% endif %}{{ m.role + ':' + m.content + ';' }}{% endfor %}";
    expect(
      await built(
        [
          { role: 'user', content: 'a' },
          { role: 'system', content: 'x' },
          { role: 'user', content: 'b' },
        ],
        { template },
      ),
    ).toBe('system:x;user:a;user:b;');
  });

  test('successive messages of one role are joined for a template that requires alternating roles', async () => {
    const template =
      "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns') }}{% endif %}{{ m.role + ':' + m.content + ';' }}{% endfor %}";
    expect(
      await built(
        [
          { role: 'assistant', content: 'hello' },
          { role: 'user', content: 'a' },
          { role: 'user', content: 'b' },
        ],
        { template },
      ),
    ).toBe('user:;assistant:hello;user:a\n\nb;');
  });

  test('a template without tools gets calls and results as text', async () => {
    expect(
      await built(
        [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'f', arguments: '{"a":1}' }] },
          { role: 'tool', content: '42', toolCallId: 'c' },
        ],
        {
          template:
            "{% for m in messages %}{% if m.role != 'tool' %}{{ m.role + ':' + m.content + ';' }}{% endif %}{% endfor %}",
        },
      ),
    ).toBe(
      'user:q;assistant:<tool_call>\n{"name": "f", "arguments": {"a":1}}\n</tool_call>;' +
        'user:<tool_response>\n42\n</tool_response>;',
    );
  });

  test('a refusal by the template is invalid_value with its reason', async () => {
    const template =
      "{% for m in messages %}{% if m.content == 'no' %}{{ raise_exception('never no') }}{% endif %}{{ m.content }}{% endfor %}";
    const result = await prompter({ template }).build({ messages: [{ role: 'user', content: 'no' }] });
    expect(result).toMatchObject({ ok: false, failure: { code: 'invalid_value', param: 'messages' } });
    expect(!result.ok && result.failure.message).toContain('never no');
  });

  test('without a valid template ChatML is used, and its end of a turn is a stop string', async () => {
    for (const template of [undefined, '{% if %}']) {
      const used = prompterOf(template);
      expect(used.stop).toEqual(['<|im_end|>']);
      expect(used.warning === undefined).toBe(template === undefined);
      expect((await used.build({ messages: [{ role: 'user', content: 'a' }] })).ok).toBe(true);
    }
  });

  test('a prompt that leaves no token for the answer is refused with its count', async () => {
    const words = 'x'.repeat(100);
    const whole = (await prompter().build({ messages: [{ role: 'user', content: words }] })) as {
      value: { tokens: readonly number[] };
    };
    const size = whole.value.tokens.length;
    expect(
      (await prompter({ contextLength: size + 1 }).build({ messages: [{ role: 'user', content: words }] }))
        .ok,
    ).toBe(true);
    const refused = await prompter({ contextLength: size }).build({
      messages: [{ role: 'user', content: words }],
    });
    expect(refused).toMatchObject({
      ok: false,
      failure: { code: 'context_length_exceeded', param: 'messages' },
    });
    expect(!refused.ok && refused.failure.message).toContain(`have ${size} tokens`);
  });

  test('text that cannot fit is refused without being tokenised', async () => {
    const never = vocabulary({
      tokenize() {
        throw new Error('tokenised');
      },
    });
    const long = prompter({ vocabulary: never, contextLength: 100 });
    expect((await long.build({ messages: [{ role: 'user', content: 'y'.repeat(400) }] })).ok).toBe(false);
    expect(
      (
        await long.build({
          messages: Array.from({ length: 100 }, () => ({ role: 'user', content: '' }) as const),
        })
      ).ok,
    ).toBe(false);
  });

  test('long text is counted in pieces with pauses, and only as far as needed', async () => {
    let pauses = 0;
    let units = 0;
    const counting = vocabulary({
      longestToken: 1_000_000,
      tokenize(text) {
        units += text.length;
        return Array.from({ length: text.length / 4 }, () => 1000);
      },
    });
    const result = await prompter({
      vocabulary: counting,
      contextLength: 5000,
      breathe: async () => {
        pauses++;
      },
    }).build({ messages: [{ role: 'user', content: 'z'.repeat(1_000_000) }] });
    expect(result.ok).toBe(false);
    expect(units).toBeLessThan(60_000);
    expect(pauses).toBeGreaterThan(0);
  });

  test('many small pieces have pauses and an early end like one long text', async () => {
    let pauses = 0;
    let asked = 0;
    const counting = vocabulary({
      longestToken: 1_000_000,
      tokenize(text) {
        asked++;
        return Array.from({ length: text.length }, () => 1000);
      },
    });
    const result = await prompter({
      vocabulary: counting,
      contextLength: 5000,
      breathe: async () => {
        pauses++;
      },
    }).build({ messages: [{ role: 'user', content: '<|im_end|>'.repeat(100_000) }] });
    expect(result).toMatchObject({ ok: false, failure: { code: 'context_length_exceeded' } });
    expect(asked).toBeLessThan(3000);
    expect(pauses).toBeGreaterThan(1);
  });

  test('a tool that cannot fit is refused without being rendered', async () => {
    const never = vocabulary({
      tokenize() {
        throw new Error('tokenised');
      },
    });
    const tools = [{ name: 'f', description: 'y'.repeat(400), parameters: {} }];
    const long = prompter({ vocabulary: never, contextLength: 100 });
    expect((await long.build({ messages: [{ role: 'user', content: 'q' }], tools })).ok).toBe(false);
  });
});
