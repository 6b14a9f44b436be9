import { Template } from '@huggingface/jinja';
import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import { leastTokens, promptTooLong } from '../context-length.ts';
import type { PromptMessage } from '../protocol.ts';
import { adaptMessages, type ChatTemplate, openTemplate, type TemplateMessage } from './chat-template.ts';
import type { SpecialTexts } from './special-text.ts';

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
   * Messages → tokens. Fails with `context_length_exceeded` where no token of answer would fit, and with
   * `invalid_value` where the template refuses the messages. Text that can't fit is refused before it is
   * rendered or tokenised whole, and long text gives way to other work every few milliseconds.
   */
  build(messages: readonly PromptMessage[]): Promise<Result<readonly number[]>>;
  /** Stop strings of a template whose turns end with no control token. */
  readonly stop: readonly string[];
  /** Why the file's own template is not used, where that is so. */
  readonly warning: string | undefined;
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
    return (messages) =>
      parsed.render({
        messages,
        add_generation_prompt: true,
        bos_token: vocabulary.bosText ?? '',
        eos_token: vocabulary.eosText ?? '',
        tools: null,
        documents: null,
      });
  });
  const tooLong = (tokens: number, exact: boolean) => promptTooLong(contextLength, tokens, exact);

  return {
    stop: template.stop,
    warning: template.warning,
    async build(messages) {
      const least = leastTokens(messages, vocabulary.longestToken);
      if (least >= contextLength) return fail(tooLong(least, false));
      const mark = vocabulary.specialTexts.markFor(messages.map((message) => JSON.stringify(message)));
      const rendered = render(template, messages, (text) => vocabulary.specialTexts.break(text, mark));
      if (!rendered.ok) return rendered;

      const tokens: number[] = [];
      for (const segment of vocabulary.specialTexts.split(rendered.value, mark)) {
        if (segment.type === 'token') {
          tokens.push(segment.token);
          continue;
        }
        const counted = await countLong(segment.text);
        if (tokens.length + counted >= contextLength) return fail(tooLong(tokens.length + counted, false));
        for (const token of vocabulary.tokenize(segment.text, segment.continued)) tokens.push(token);
        if (tokens.length >= 2 * contextLength) return fail(tooLong(tokens.length, false));
      }
      const { leadingToken } = vocabulary;
      if (leadingToken !== undefined && tokens[0] !== leadingToken) tokens.unshift(leadingToken);
      if (tokens.length >= contextLength) return fail(tooLong(tokens.length, true));
      return ok(tokens);
    },
  };

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
  guard: (text: string) => string,
): Result<string> {
  const adapted: readonly TemplateMessage[] = adaptMessages(messages, template.abilities, guard);
  try {
    return ok(template.render(adapted));
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
