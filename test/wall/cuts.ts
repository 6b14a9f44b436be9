import { seededRandom } from '../../packages/server/src/testing/seeded-random.ts';
import { type ChatMessage, promptTokensOf, tokensFor } from './ask-relay.ts';

/** A request whose answer is cut, and what the client has to get nevertheless. */
export interface CutCase {
  /** The model's id in the configuration. */
  readonly id: string;
  /** The model that cuts, as its upstream calls it. */
  readonly fault: string;
  readonly takeover: 'replay' | 'prefix';
  readonly asks: Readonly<Record<string, unknown>> & { readonly messages: readonly ChatMessage[] };
  readonly due: Due;
}

export interface Due {
  readonly text: string;
  readonly finish: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

const kinds = [
  'cut-rst',
  'cut-fin',
  'cut-clean',
  'cut-event',
  'cut-character',
  'chunked-bad-size',
  'content-length-short',
  'stall',
] as const;

const random = seededRandom(20_261_121);
/** A whole number, `least` and `most` included. */
const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));

/** Cuts before every token and after the last one; a third with `max_tokens`, a third with stop strings. */
export const cutCases: readonly CutCase[] = Array.from({ length: 500 }, (_, index) => {
  const messages = question(`Cut ${index}`);
  const tokens = tokensFor(messages);
  const maxTokens = index % 3 === 1 ? between(1, tokens.length + 2) : undefined;
  const stop = index % 6 >= 4 ? [someOf(tokens), 'nowhere in the text'] : undefined;
  const { due, said } = undisturbed(messages, tokens, stop, maxTokens);
  const kind = kinds[index % kinds.length] ?? kinds[0];
  return {
    id: `cut/${index}`,
    fault: `wall/${kind}:${between(1, Math.max(1, said))}`,
    takeover: random() < 0.5 ? 'replay' : 'prefix',
    asks: { messages, ...(maxTokens && { max_tokens: maxTokens }), ...(stop && { stop }) },
    due,
  };
});

/**
 * Streams of a target that knows no stop strings and is cut in the middle of one: its beginning is with the
 * client already, its end comes from the second target, and there the answer ends.
 */
export function stopsAcross(count: number): readonly CutCase[] {
  return Array.from({ length: count }, (_, index): CutCase => {
    const messages = question(`Stop ${index}`);
    const tokens = tokensFor(messages);
    const at = between(2, tokens.length - 2);
    const [before, behind] = [tokens.slice(0, at).join(''), tokens.slice(at).join('')];
    let stop: string;
    // Drawn again where the text holds it earlier: there the answer would already have ended.
    do {
      stop = `${ending(before, between(1, 8))}${[...behind].slice(0, between(1, 8)).join('')}`;
    } while ((before + behind).indexOf(stop) + stop.length <= before.length);
    return {
      id: `stop/${index}`,
      fault: `${at}:wall/healthy`,
      takeover: index % 2 === 0 ? 'prefix' : 'replay',
      asks: { messages, stop: [stop] },
      due: { ...undisturbed(messages, tokens, undefined, undefined).due, text: before, completionTokens: at },
    };
  });
}

function ending(text: string, characters: number): string {
  return [...text].slice(-characters).join('');
}

function question(content: string): readonly ChatMessage[] {
  return [{ role: 'user', content }];
}

/** A few characters from somewhere in the text. */
function someOf(tokens: readonly string[]): string {
  const characters = [...tokens.join('')];
  const at = between(1, characters.length - 6);
  return characters.slice(at, at + between(2, 6)).join('');
}

/** The undisturbed answer of a target; `said`: in how many pieces. */
function undisturbed(
  messages: readonly ChatMessage[],
  tokens: readonly string[],
  stop: readonly string[] | undefined,
  maxTokens: number | undefined,
): { readonly due: Due; readonly said: number } {
  const whole = tokens.join('');
  const ends = (stop ?? []).map((string) => whole.indexOf(string)).filter((at) => at >= 0);
  const until = Math.min(whole.length, ...ends);
  let length = 0;
  const before = tokens.filter((token) => {
    length += token.length;
    return length - token.length < until;
  });
  const limited = maxTokens !== undefined && maxTokens < before.length;
  const kept = limited ? before.slice(0, maxTokens) : before;
  const due: Due = {
    text: kept.join('').slice(0, until),
    finish: limited ? 'length' : 'stop',
    promptTokens: promptTokensOf(messages),
    completionTokens: kept.length,
  };
  return { due, said: kept.length };
}
