import { Template } from '@huggingface/jinja';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import type { ReasoningTags } from '../../domain/reasoning-split.ts';
import { leastTokens, promptTooLong } from '../context-length.ts';
import type { PromptMessage, PromptTool } from '../protocol.ts';
import { adaptMessages, adaptTools, type ChatTemplate, openTemplate } from './chat-template.ts';
import { detectReasoningTags, openedTags } from './reasoning-tags.ts';
import type { Segment, SpecialTexts } from './special-text.ts';

/** What a prompt needs to know of a model's vocabulary. */
export interface Vocabulary {
  readonly specialTexts: SpecialTexts;
  /** Plain text → tokens, never a control token. `continued`: no leading space is added. */
  tokenize(text: string, continued: boolean): readonly number[];
  readonly bosText: string | undefined;
  readonly eosText: string | undefined;
  /** Set where the model wants its prompts to begin with this token. */
  readonly leadingToken: number | undefined;
  /** UTF-16 units of the longest token. */
  readonly longestToken: number;
}

export interface Prompter {
  /**
   * Messages, what may be called, and the beginning of the answer → tokens. Fails with `context_length_exceeded` where no token of answer would fit, and with
   * `invalid_value` where the template refuses the messages. Text that can't fit is refused before it is
   * rendered or tokenised whole, and long text gives way to other work every few milliseconds.
   */
  build(wanted: PromptContent): Promise<Result<Prompt>>;
  /** Tags between which this model thinks. */
  readonly tags: readonly ReasoningTags[];
  /** Stop strings of a template whose turns end with no control token. */
  readonly stop: readonly string[];
  /** Why the file's own template is not used, where that is so. */
  readonly warning: string | undefined;
}

export interface PromptContent {
  readonly messages: readonly PromptMessage[];
  readonly tools?: readonly PromptTool[];
  /** The beginning of the answer; the prompt goes on exactly behind it. */
  readonly prefix?: string;
}

export interface Prompt {
  readonly tokens: readonly number[];
  /** How many of them, at the end, are the prefix. */
  readonly prefixTokens: number;
  /** Set where the answer begins inside the model's thoughts. */
  readonly opened: ReasoningTags | undefined;
  /** What the model would write to end those thoughts; empty where there are none. */
  readonly closing: readonly number[];
}

export interface PrompterOptions {
  /** The file's template; undefined where it has none. */
  readonly template: string | undefined;
  readonly vocabulary: Vocabulary;
  readonly contextLength: number;
  /** Lets other work of the process run; a turn of the event loop unless a test says otherwise. */
  readonly breathe?: () => Promise<void>;
}

/** UTF-16 units that are tokenised without a pause: 3 to 15 ms on a slow core. */
const chunkUnits = 16_384;
/** Tokens that cutting a text in two can add at most, with a wide margin. */
const slackPerCut = 16;

export function createPrompter(options: PrompterOptions): Prompter {
  const { vocabulary, contextLength, breathe = nextTurn } = options;
  const template = openTemplate(options.template, (source) => {
    const parsed = new Template(source);
    return (messages, tools) =>
      parsed.render({
        messages,
        add_generation_prompt: true,
        bos_token: vocabulary.bosText ?? '',
        eos_token: vocabulary.eosText ?? '',
        tools: tools.length > 0 ? tools : null,
        documents: null,
      });
  });
  const tags = detectReasoningTags(options.template);
  const tooLong = (tokens: number, exact: boolean) => promptTooLong(contextLength, tokens, exact);

  return {
    stop: template.stop,
    warning: template.warning,
    tags,
    async build({ messages, tools = [], prefix = '' }) {
      const least = leastTokens(messages, vocabulary.longestToken, prefix);
      if (least >= contextLength) return fail(tooLong(least, false));
      const { specialTexts } = vocabulary;
      const outside = [...messages, ...tools].map((text) => JSON.stringify(text));
      const mark = specialTexts.markFor([...outside, prefix]);
      const rendered = render(template, messages, tools, (text) => specialTexts.break(text, mark));
      if (!rendered.ok) return rendered;

      const opened = openedTags(rendered.value, tags);
      // What is continued is the answer: the thoughts before it are over.
      const closing = opened === undefined ? '' : `\n${opened.close}\n\n`;
      const closed = prefix === '' ? '' : closing;
      const read = await tokenizeAll(specialTexts.split(rendered.value + closed, mark), 0);
      if (!read.ok) return read;
      const tokens = read.value;
      const { leadingToken } = vocabulary;
      if (leadingToken !== undefined && tokens[0] !== leadingToken) tokens.unshift(leadingToken);

      const segments = specialTexts.split(specialTexts.break(prefix, mark), mark);
      const continued = segments.map((part) => (part.type === 'text' ? { ...part, continued: true } : part));
      const prefixed = await tokenizeAll(continued, tokens.length);
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

  /** A short text of our own → tokens; texts of control tokens are those. */
  function tokensOf(text: string): number[] {
    return vocabulary.specialTexts
      .split(text, '\ue0a7')
      .flatMap((part) => (part.type === 'token' ? [part.token] : vocabulary.tokenize(part.text, true)));
  }

  /** Segments → tokens, given up where they and those `before` them can't fit. */
  async function tokenizeAll(segments: readonly Segment[], before: number): Promise<Result<number[]>> {
    const tokens: number[] = [];
    for (const segment of segments) {
      if (segment.type === 'token') {
        tokens.push(segment.token);
        continue;
      }
      const counted = await countLong(segment.text);
      const least = before + tokens.length + counted;
      if (least >= contextLength) return fail(tooLong(least, false));
      for (const token of vocabulary.tokenize(segment.text, segment.continued)) tokens.push(token);
      if (before + tokens.length >= 2 * contextLength) return fail(tooLong(before + tokens.length, false));
    }
    return ok(tokens);
  }

  /** A lower bound of a long text's tokens, counted in pieces; 0 for text that is short. */
  async function countLong(text: string): Promise<number> {
    if (text.length <= chunkUnits) return 0;
    let least = 0;
    for (let from = 0; from < text.length && least < contextLength; from += chunkUnits) {
      least += vocabulary.tokenize(text.slice(from, from + chunkUnits), true).length - slackPerCut;
      await breathe();
    }
    return Math.max(0, least);
  }
}

function render(
  template: ChatTemplate,
  messages: readonly PromptMessage[],
  tools: readonly PromptTool[],
  guard: (text: string) => string,
): Result<string> {
  try {
    const adaptedTools = adaptTools(tools, guard);
    const adapted = adaptMessages(messages, template.abilities, guard, adaptedTools);
    return ok(template.render(adapted, template.abilities.toolDefinitions ? adaptedTools : []));
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'no reason given';
    return fail(
      failure('invalid_value', `The model's chat template refuses these messages: ${reason}`, {
        param: 'messages',
      }),
    );
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
