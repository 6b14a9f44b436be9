import { cutText, type Dice } from '../dice.ts';
import {
  isJson,
  type Json,
  type MutableStream,
  type Mutation,
  objectAt,
  objectsOf,
} from '../mutable-stream.ts';
import { deltaOf, eventWith, finishOf, type Part, partsOf } from './stream-parts.ts';

/** Output that our stream does not name, and named output in other shapes (contract, section 3). */
export const outputMutations: readonly Mutation[] = [
  {
    name: 'text in other pieces',
    dialects: ['openai', 'gemini', 'anthropic'],
    heals: true,
    apply(stream, dice) {
      let found = false;
      for (const run of runsOfTexts(stream)) {
        const pieces = cutText(run.map(({ get }) => get()).join(''), run.length - 1, dice);
        for (const [at, one] of run.entries()) one.set(pieces[at] ?? '');
        found = true;
      }
      return found;
    },
  },
  {
    name: 'events that say nothing',
    dialects: ['openai', 'gemini', 'anthropic'],
    heals: true,
    apply(stream, dice) {
      if (stream.form === 'json') return false;
      for (let count = 1 + dice.below(3); count > 0; count -= 1) insertNothing(stream, dice);
      return true;
    },
  },
  {
    name: 'a field that our stream does not name',
    dialects: ['openai'],
    heals: true,
    apply(stream, dice) {
      const parts = partsOf(stream).filter(({ holder }) => isJson(holder['delta'] ?? holder['message']));
      const early = parts.filter((one) => isEarly(stream, one));
      if (early.length === 0) return false;
      const part = dice.pick(early);
      const field = dice.pick(['images', 'audio', 'annotations', 'citations', 'video_urls']);
      const value = dice.pick<unknown>([
        [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
        { id: 'audio_1', data: 'AAAA', transcript: 'hm \u00e9' },
        [{ type: 'url_citation', url_citation: { start_index: 0, end_index: 4, title: 'x' } }],
        ['a', 1, null],
        'text of another kind',
        7,
      ]);
      const delta = deltaOf(part.holder);
      if (field in delta) return false;
      delta[field] = value;
      expectOther(stream, part, field, value);
      return true;
    },
  },
  {
    name: 'fields that say nothing',
    dialects: ['openai'],
    heals: true,
    apply(stream, dice) {
      for (const { holder } of partsOf(stream)) {
        const delta = deltaOf(holder);
        for (const field of [
          'images',
          'audio',
          'annotations',
          'refusal',
          'reasoning',
          'tool_calls',
          'function_call',
        ]) {
          if (!(field in delta) && dice.chance(0.3)) delta[field] = dice.pick([null, '', [], {}]);
        }
      }
      return true;
    },
  },
  {
    name: 'text as parts',
    dialects: ['openai'],
    heals: true,
    apply(stream, dice) {
      const texts = partsOf(stream).filter(({ holder }) => typeof deltaOf(holder)['content'] === 'string');
      const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
      const withImage = dice.chance(0.3) ? texts.find((one) => isEarly(stream, one)) : undefined;
      for (const part of texts) {
        const delta = deltaOf(part.holder);
        const pieces = cutText(String(delta['content']), 1, dice);
        const parts: unknown[] = pieces.map((text) => ({ type: 'text', text }));
        if (part === withImage) {
          parts.push(image);
          expectOther(stream, part, 'content_parts', [image]);
        }
        delta['content'] = parts;
      }
      return texts.length > 0;
    },
  },
  {
    name: 'thoughts in another field',
    dialects: ['openai'],
    heals: true,
    apply(stream, dice) {
      const kind = dice.pick(['reasoning', 'parts', 'both fields'] as const);
      let found = false;
      for (const { holder } of partsOf(stream)) {
        const delta = deltaOf(holder);
        const thought = delta['reasoning_content'];
        if (typeof thought !== 'string' || thought === '' || (delta['content'] ?? '') !== '') continue;
        if (kind !== 'both fields') delete delta['reasoning_content'];
        if (kind === 'parts') {
          const inner = dice.chance(0.5) ? thought : [{ type: 'text', text: thought }];
          delta['content'] = [{ type: 'thinking', thinking: inner }];
        } else delta['reasoning'] = thought;
        found = true;
      }
      return found;
    },
  },
  {
    name: 'a block of another type',
    dialects: ['anthropic'],
    heals: true,
    apply(stream, dice) {
      const starts = stream.frames.flatMap(({ data }, at) =>
        isJson(data) && /^(?:content_block_start|message_delta)$/.test(String(data['type'])) ? [at] : [],
      );
      if (starts.length === 0 || stream.form !== 'stream') return false;
      const block = dice.pick<Json>([
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
        {
          type: 'web_search_tool_result',
          tool_use_id: 'srvtoolu_1',
          content: [{ type: 'web_search_result', url: 'u' }],
        },
        { type: 'container_upload', file_id: 'file_1' },
      ]);
      const place = starts[0] ?? 0;
      const frame = (data: Json) => ({ name: String(data['type']), data });
      // The other blocks keep their indexes: this one has a free index.
      const index = 90;
      stream.frames.splice(
        place,
        0,
        frame({ type: 'content_block_start', index, content_block: block }),
        frame({ type: 'content_block_stop', index }),
      );
      stream.expected.choices[0]?.other.unshift({ field: 'content_parts', value: [block] });
      return true;
    },
  },
  {
    name: 'a part of another type',
    dialects: ['gemini'],
    heals: true,
    apply(stream, dice) {
      const part = dice.pick(partsOf(stream).filter((one) => isEarly(stream, one)));
      const added = dice.pick<Json>([
        { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
        { executableCode: { language: 'PYTHON', code: 'print(1)' } },
        { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
      ]);
      const content = part.holder['content'];
      if (isJson(content) && Array.isArray(content['parts'])) content['parts'].push(added);
      else part.holder['content'] = { role: 'model', parts: [added] };
      expectOther(stream, part, 'content_parts', [added]);
      return true;
    },
  },
];

interface Text {
  get(): string;
  set(text: string): void;
}

/** The texts that follow each other, of which one may take characters of another. */
function runsOfTexts(stream: MutableStream): readonly (readonly Text[])[] {
  const runs: Text[][] = [];
  let key = '';
  for (const { holder, choice, json, hasOutput } of partsOf(stream)) {
    const [of, field] = textPlace(stream, holder);
    if (of === undefined || typeof of[field] !== 'string') {
      if (hasOutput) key = '';
      continue;
    }
    const own = `${choice} ${field} ${String(of['thought'] ?? '')} ${String(json['index'] ?? '')}`;
    if (own !== key) runs.push([]);
    key = own;
    runs.at(-1)?.push({
      get: () => String(of[field]),
      set: (text) => {
        of[field] = text;
      },
    });
  }
  return runs;
}

function textPlace({ dialect }: MutableStream, holder: Json): readonly [of: Json | undefined, field: string] {
  switch (dialect) {
    case 'openai':
      return [deltaOf(holder), 'content'];
    case 'gemini':
      return [objectsOf(objectAt(holder, 'content')['parts']).find(({ text }) => text !== undefined), 'text'];
    case 'anthropic': {
      const delta = objectAt(holder, 'delta');
      return delta['type'] === 'thinking_delta' ? [delta, 'thinking'] : [delta, 'text'];
    }
  }
}

function insertNothing(stream: MutableStream, dice: Dice): void {
  const { dialect, frames } = stream;
  if (dialect === 'anthropic') {
    const data: Json = dice.pick([{ type: 'ping' }, { type: 'new_kind', x: 1 }]);
    frames.splice(1 + dice.below(frames.length - 1), 0, { name: String(data['type']), data });
    return;
  }
  const like = dice.pick(partsOf(stream));
  const fields =
    dialect === 'openai'
      ? dice.pick<Json>([
          { delta: {}, finish_reason: null },
          { delta: { content: '' }, finish_reason: null },
          { delta: { role: 'assistant', content: null }, finish_reason: null },
          { delta: [], finish_reason: null },
          { delta: null },
        ])
      : dice.pick<Json>([{}, { content: { role: 'model' } }, { content: { parts: [{ text: '' }] } }]);
  frames.splice(frames.indexOf(like.frame), 0, eventWith(stream, like, fields));
}

/** Whether a part comes with or before the finish of its choice. */
function isEarly(stream: MutableStream, part: Part): boolean {
  const own = partsOf(stream).filter(({ choice }) => stream.choices === 1 || choice === part.choice);
  return part.at <= (own.find((one) => finishOf(stream, one) !== undefined)?.at ?? -1);
}

function expectOther(stream: MutableStream, { choice }: Part, field: string, value: unknown): void {
  stream.expected.choices[stream.choices === 1 ? 0 : choice]?.other.push({ field, value });
}
