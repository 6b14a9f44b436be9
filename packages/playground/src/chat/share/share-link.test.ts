import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Draft, emptyDraft } from '../chat-state.ts';
import { branchOf, type Message, showing, withMessage } from '../message-tree.ts';
import { maxLinkLength, readShare, shareFragment } from './share-link.ts';

function counter(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `new-${count}`;
  };
}

const facts = { state: 'done', pieces: 2, requestId: 'req_secret', completionId: 'chatcmpl-secret' } as const;
const messages: readonly Message[] = [
  { id: 'q', parentId: null, role: 'user', text: 'What is gravity?', thoughts: '' },
  { id: 'a', parentId: 'q', role: 'assistant', text: 'A force.', thoughts: 'Hm.', facts },
  { id: 'other', parentId: 'q', role: 'assistant', text: 'The answer of another branch', thoughts: '' },
];
const draft: Draft = {
  ...emptyDraft,
  model: 'lab/a',
  system: 'Be brief.',
  parameters: { ...emptyDraft.parameters, temperature: '0.5' },
  tree: showing(messages.reduce(withMessage, emptyDraft.tree), 'a'),
};

function textsOf(shared: Draft | undefined): readonly unknown[] {
  return branchOf(shared?.tree ?? emptyDraft.tree).map(({ role, text, thoughts }) => [role, text, thoughts]);
}

function packed(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `#share=${deflateRawSync(text).toString('base64url')}`;
}

describe('a link to a chat', () => {
  test('has the request and the branch that is shown, and neither figures nor ids nor other branches', async () => {
    const shared = await readShare(await shareFragment(draft), counter());
    expect(textsOf(shared)).toEqual([
      ['user', 'What is gravity?', ''],
      ['assistant', 'A force.', 'Hm.'],
    ]);
    expect(shared).toMatchObject({ model: 'lab/a', system: 'Be brief.', parameters: draft.parameters });
    const all = shared?.tree.all ?? [];
    expect(all.map(({ id, parentId }) => [id, parentId])).toEqual([
      ['new-1', null],
      ['new-2', 'new-1'],
    ]);
    expect(JSON.stringify(shared)).not.toMatch(/secret|another branch/);
  });

  test('gives back every text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), { maxLength: 8 }),
        fc.string({ unit: 'grapheme' }),
        async (turns, system) => {
          const tree = turns
            .flatMap(([asked, answered], at): Message[] => [
              {
                id: `q${at}`,
                parentId: at === 0 ? null : `a${at - 1}`,
                role: 'user',
                text: asked,
                thoughts: '',
              },
              { id: `a${at}`, parentId: `q${at}`, role: 'assistant', text: answered, thoughts: asked },
            ])
            .reduce(withMessage, emptyDraft.tree);
          const sent = { ...draft, system, tree };
          const shared = await readShare(await shareFragment(sent), counter());
          expect(textsOf(shared)).toEqual(textsOf(sent));
          expect(shared?.system).toBe(system);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('that anybody has made is read or refused, and never breaks', async () => {
    const odd = [
      '',
      '#share=',
      '#share=%',
      '#share=a',
      '#share=AAAA',
      '#sign-in=x',
      packed('{'),
      packed('null'),
    ];
    for (const text of odd) expect(await readShare(text, counter()), text).toBeUndefined();
    expect(await readShare(packed({ v: 2, draft: {} }), counter())).toBeUndefined();
    expect(await readShare(packed({ v: 1, draft: 7 }), counter())).toBeUndefined();
    const hostile = {
      v: 1,
      draft: { model: {}, tree: { all: [{ id: 'x' }, 7], leafId: [] }, parameters: 'no' },
    };
    expect(await readShare(packed(hostile), counter())).toEqual(emptyDraft);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json().map(packed),
          fc.base64String().map((text) => `#share=${text}`),
        ),
        async (text) => {
          await readShare(text, counter());
        },
      ),
      { numRuns: 200 },
    );
  });

  test('that would fill the memory is refused', async () => {
    const bomb = packed(`{"v":1,"draft":{"system":"${'a'.repeat(15_000_000)}"}}`);
    expect(bomb.length).toBeLessThan(maxLinkLength);
    expect(await readShare(bomb, counter())).toBeUndefined();
    expect(await readShare(`#share=${'A'.repeat(maxLinkLength + 1)}`, counter())).toBeUndefined();
  });
});
