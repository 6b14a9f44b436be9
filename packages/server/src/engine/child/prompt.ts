import { type Failure, fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { ReasoningTags } from '../../domain/reasoning-split.ts';
import type { TaskOwner } from '../../worker/killable-thread.ts';
import { leastTokens, type PromptContent, promptTooLong } from '../between/context-length.ts';
import type { PromptMessage, PromptTool } from '../between/protocol.ts';
import { adaptMessages, adaptTools, type ChatTemplate } from './chat-template.ts';
import type { TemplateTool } from './generic-tools.ts';
import { openedTags } from './reasoning-tags.ts';
import { sliceEnd, sliceUnits } from './slice-end.ts';
import type { Segment, SpecialTexts } from './special-text.ts';

/** The part of a model's vocabulary that prompts need. */
export interface Vocabulary {
  readonly specialTexts: SpecialTexts;
  /** The tokens of plain text, without control tokens. `continued`: no leading space is added. */
  tokenize(text: string, continued: boolean): readonly number[];
  readonly bosText: string | undefined;
  readonly eosText: string | undefined;
  /** The token with which prompts of the model begin; undefined where there is none. */
  readonly leadingToken: number | undefined;
  /** UTF-16 units of the longest token. */
  readonly longestToken: number;
}

export interface Prompter {
  /**
   * The tokens of a prompt. Fails with `context_length_exceeded` where no token of an answer would fit, and as the
   * template's `render` does. Text that cannot fit is refused before all of it is rendered or tokenised. While it works
   * on long text, it lets other work of the process run every few milliseconds.
   */
  build(wanted: PromptContent, owner: TaskOwner): Promise<Result<Prompt>>;
}

export interface Prompt {
  readonly tokens: readonly number[];
  /** The number of tokens at the end that are the prefix of the answer. */
  readonly prefixTokens: number;
  /** Set where the answer begins inside the model's thoughts. */
  readonly opened: ReasoningTags | undefined;
  /** The tokens that would end those thoughts; empty where there are none. */
  readonly closing: readonly number[];
}

export interface PrompterOptions {
  readonly template: ChatTemplate;
  /** The tags of this model's thoughts. */
  readonly tags: readonly ReasoningTags[];
  readonly vocabulary: Vocabulary;
  readonly contextLength: number;
  /** Lets other work of the process run. Default: one turn of the event loop. */
  readonly breathe?: () => Promise<void>;
}

type TooLong = (tokens: number, exact: boolean) => Failure;

/** The cost of a call of the tokenizer for a segment, in units. */
const unitsPerSegment = 64;

export function createPrompter(options: PrompterOptions): Prompter {
  const { template, tags, vocabulary, contextLength, breathe = nextTurn } = options;

  return {
    async build(content, owner) {
      const { messages, tools = [], prefix = '' } = content;
      const tooLong: TooLong = (tokens, exact) => promptTooLong(contextLength, tokens, exact, content);
      const least = leastTokens(content, vocabulary.longestToken);
      if (least >= contextLength) return fail(tooLong(least, false));
      const { specialTexts } = vocabulary;
      const texts = textsOf(content);
      const mark = specialTexts.markFor(texts);
      const broken = await breakLong(texts, mark);
      const guard = (text: string) => broken.get(text) ?? specialTexts.break(text, mark);
      const rendered = await render(template, messages, tools, guard, owner);
      if (!rendered.ok) return rendered;

      const opened = openedTags(rendered.value, tags);
      // An answer that is continued has no thoughts: they ended before it.
      const closing = opened === undefined ? '' : `\n${opened.close}\n\n`;
      const closed = prefix === '' ? '' : closing;
      const read = await tokenizeAll(specialTexts.split(rendered.value + closed, mark), 0, tooLong);
      if (!read.ok) return read;
      const tokens = read.value;
      const { leadingToken } = vocabulary;
      if (leadingToken !== undefined && tokens[0] !== leadingToken) tokens.unshift(leadingToken);

      const segments = [...specialTexts.split(guard(prefix), mark)];
      const continued = segments.map((part) => (part.type === 'text' ? { ...part, continued: true } : part));
      const prefixed = await tokenizeAll(continued, tokens.length, tooLong);
      if (!prefixed.ok) return prefixed;
      for (const token of prefixed.value) tokens.push(token);
      if (tokens.length >= contextLength) return fail(tooLong(tokens.length, true));
      return ok({
        tokens,
        prefixTokens: prefixed.value.length,
        opened: prefix === '' ? opened : undefined,
        closing: prefix === '' ? tokensOf(closing) : [],
      });
    },
  };

  /** The tokens of a short text of ours; the texts of control tokens become control tokens. */
  function tokensOf(text: string): number[] {
    return Array.from(vocabulary.specialTexts.split(text, '\ue0a7'), (part) =>
      part.type === 'token' ? [part.token] : vocabulary.tokenize(part.text, true),
    ).flat();
  }

  /** Breaks the special texts in long texts, slice by slice. */
  async function breakLong(texts: readonly string[], mark: string): Promise<ReadonlyMap<string, string>> {
    const broken = new Map<string, string>();
    for (const text of texts) {
      if (text.length <= sliceUnits || broken.has(text)) continue;
      const slices: string[] = [];
      for (let from = 0; from < text.length; ) {
        const end = sliceEnd(text, from, '');
        slices.push(vocabulary.specialTexts.break(text.slice(from, end), mark));
        from = end;
        await breathe();
      }
      broken.set(text, slices.join(''));
    }
    return broken;
  }

  /** The tokens of segments; ends early where they and the tokens `before` them cannot fit. */
  async function tokenizeAll(
    segments: Iterable<Segment>,
    before: number,
    tooLong: TooLong,
  ): Promise<Result<number[]>> {
    const tokens: number[] = [];
    let units = 0;
    let paused = false;
    for (const segment of segments) {
      units += unitsPerSegment;
      if (segment.type === 'token') tokens.push(segment.token);
      else {
        for (const token of vocabulary.tokenize(segment.text, segment.continued)) tokens.push(token);
        units += segment.text.length;
      }
      const least = before + tokens.length;
      // The failure has the exact count where counting is cheap.
      if (least >= (paused ? 1 : 2) * contextLength) return fail(tooLong(least, false));
      if (units < sliceUnits) continue;
      await breathe();
      units = 0;
      paused = true;
    }
    return ok(tokens);
  }
}

/** All texts of a prompt that come from the client. */
function textsOf({ messages, tools = [], prefix = '' }: PromptContent): string[] {
  const texts = [prefix];
  for (const { content, name = '', toolCallId = '', toolCalls = [] } of messages) {
    texts.push(content, name, toolCallId);
    // Arguments are JSON, in which the units of the mark could be escaped.
    for (const call of toolCalls)
      texts.push(call.id, call.name, call.arguments.replace(/\\ue0a7/gi, '\ue0a7'));
  }
  for (const { name, description = '', parameters } of tools) {
    texts.push(name, description);
    addTexts(parameters, texts);
  }
  return texts;
}

function addTexts(value: JsonValue, texts: string[]): void {
  if (typeof value === 'string') texts.push(value);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      texts.push(key);
      addTexts(item, texts);
    }
  }
}

async function render(
  template: ChatTemplate,
  messages: readonly PromptMessage[],
  tools: readonly PromptTool[],
  guard: (text: string) => string,
  owner: TaskOwner,
): Promise<Result<string>> {
  let adaptedTools: readonly TemplateTool[];
  try {
    adaptedTools = adaptTools(tools, guard);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'no reason given';
    const message = `The model's chat template cannot show these tools: ${reason}`;
    return fail(failure('invalid_value', message, { param: 'tools' }));
  }
  const adapted = adaptMessages(messages, template.abilities, guard, adaptedTools);
  return await template.render(adapted, template.abilities.toolDefinitions ? adaptedTools : [], owner);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
