import { describe, expect, it } from 'vitest';
import type { RequestContent } from '../storage/contract.ts';
import { type ContentWriterOptions, createContentWriter } from './content-writer.ts';

const secret = 'sesame-open-4711';

function contentOf(text: string, id = 'a'): RequestContent {
  return {
    id,
    createdAtMs: 1_000,
    body: { messages: [{ role: 'user', content: text }], messages_left_out: 0, choices: [] },
  };
}

function writing(
  keepContents: (contents: readonly RequestContent[]) => Promise<void>,
  more: Partial<ContentWriterOptions> = {},
) {
  const lines: string[] = [];
  const kept: RequestContent[] = [];
  const note = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const writer = createContentWriter({
    store: {
      async keepContents(contents) {
        await keepContents(contents);
        kept.push(...contents);
      },
      content: async (id) => kept.find((one) => one.id === id),
    },
    log: { info: note, warn: note, error: note },
    retentionMs: 500,
    now: () => 1_400,
    ...more,
  });
  return { writer, lines, kept };
}

describe('the writer of contents', () => {
  it('masks secrets in each text, also in names, and leaves the form as it is', async () => {
    const { writer, kept } = writing(async () => {});
    writer.mask([secret], 'tr_');
    await writer.keep({
      ...contentOf(`the word is ${secret}`),
      body: {
        messages: [{ role: 'user', content: [{ type: 'text', text: `say ${secret}` }], [secret]: 1 }],
        messages_left_out: 3,
        choices: [
          { index: 0, message: { content: `${JSON.stringify({ word: secret })} tr_abcdefghijklmnop` } },
        ],
      },
    });
    const [content] = kept;
    expect(JSON.stringify(content)).not.toContain('sesame');
    expect(content?.body).toEqual({
      messages: [{ role: 'user', content: [{ type: 'text', text: 'say ***' }], '***': 1 }],
      messages_left_out: 3,
      choices: [{ index: 0, message: { content: '{"word":"***"} ***' } }],
    });
  });

  it('lets other work have its turn while it masks a long chat', async () => {
    const { writer, kept } = writing(async () => {});
    writer.mask([secret], 'tr_');
    const part = { type: 'text', text: `${'long '.repeat(10_000)}${secret}` };
    const messages = [{ role: 'user', content: [part, part, part] }];
    let turns = 0;
    let timer = setImmediate(function count() {
      turns += 1;
      timer = setImmediate(count);
    });
    await writer.keep({ ...contentOf(''), body: { messages, messages_left_out: 0, choices: messages } });
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(5);
    expect(JSON.stringify(kept)).not.toContain('sesame');
  });

  it('loses contents while the store is away, says so once, and how many when it is back', async () => {
    let away = true;
    const { writer, lines, kept } = writing(async () => {
      if (away) throw new Error('disk is full');
    });
    await writer.keep(contentOf('one'));
    await writer.keep(contentOf('two'));
    away = false;
    await writer.keep(contentOf('three'));
    expect(kept).toHaveLength(1);
    expect(lines).toEqual([
      'prompts and answers are not kept {"reason":"disk is full"}',
      'prompts and answers are kept again {"lost":2}',
    ]);
  });

  it('holds a bounded number for a store that hangs', async () => {
    const { writer, lines } = writing(() => new Promise(() => {}), { mostWaiting: 3 });
    for (let at = 0; at < 3; at += 1) void writer.keep(contentOf('waits'));
    // Resolved although the store never answers: it is lost.
    await writer.keep(contentOf('one too many'));
    expect(lines).toEqual(['prompts and answers are not kept {"reason":"the store is too slow"}']);
  });

  it('does not find what is older than the retention, though it has not been deleted yet', async () => {
    let nowMs = 1_400;
    const { writer } = writing(async () => {}, { now: () => nowMs });
    await writer.keep(contentOf('old'));
    expect(await writer.find('a')).toBeDefined();
    nowMs = 1_501;
    expect(await writer.find('a')).toBeUndefined();
  });
});
