import { promptDigest, type WallChatRequest } from './wall-chat-request.ts';

/**
 * The text of every answer is a function of the messages alone, so that it can be replayed on another
 * target, continued from any prefix, and compared byte for byte. One token is one delta.
 */
export interface HealthyChoice {
  readonly index: number;
  readonly tokens: readonly string[];
  readonly finish: 'stop' | 'length';
}

export interface HealthyAnswer {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly HealthyChoice[];
  readonly promptTokens: number;
  readonly completionTokens: number;
}

const plainWords =
  'river lock gate weir stream bank mill wheel water stone sluice flood bridge reed heron otter current shallow deep quiet turning carries holds rises falls under over between along before slowly again'.split(
    ' ',
  );
// Two, three and four bytes a character, and what JSON escapes: every fifth token is one of these.
const trickyWords = [
  'naïve',
  'Łódź',
  '東京',
  '🌊',
  'ελάφι',
  '"so"',
  '→',
  'C:\\tail',
  '“race”',
  '😀!',
  '\tindent',
  '\nthen',
];

const shortestTokens = 24;

/** The tokens of a healthy answer to these messages; joined they are `choices[choice].message.content`. */
export function healthyTokens(
  ask: Pick<WallChatRequest, 'messages'> & Partial<Pick<WallChatRequest, 'json'>>,
  choice = 0,
): readonly string[] {
  const words = wordsFor(ask, choice);
  if (ask.json !== true) return words;
  return ['{"text": "', ...words.map((word) => JSON.stringify(word).slice(1, -1)), '"}'];
}

function wordsFor(ask: Pick<WallChatRequest, 'messages'>, choice: number): readonly string[] {
  const digest = promptDigest(ask);
  const next = randomWords(digest.readUInt32LE(0) ^ Math.imul(choice, 0x9e3779b9));
  const count = shortestTokens + (next() % 17);
  return Array.from({ length: count }, (_, index) => {
    const words = index % 5 === 2 ? trickyWords : plainWords;
    const word = words[next() % words.length] ?? '';
    return `${index === 0 ? '' : ' '}${word}${index === count - 1 ? '.' : ''}`;
  });
}

/** Honours `n`, `max_tokens`, `stop` and a given prefix of the answer. */
export function healthyAnswer(ask: WallChatRequest, serial: number, nowMs: number): HealthyAnswer {
  const choices = Array.from({ length: ask.n }, (_, index) => choiceOf(ask, index));
  return {
    id: `chatcmpl-wall-${serial}`,
    created: Math.floor(nowMs / 1000),
    model: ask.model,
    choices,
    promptTokens:
      ask.messages.reduce((sum, { text }) => sum + 4 + text.split(/\s+/).length, 0) + prefixTokens(ask),
    completionTokens: choices.reduce((sum, { tokens }) => sum + tokens.length, 0),
  };
}

function choiceOf(ask: WallChatRequest, index: number): HealthyChoice {
  const tokens = untilStop(afterPrefix(healthyTokens(ask, index), ask.prefix), ask.stop);
  const limit = Math.max(0, ask.maxTokens ?? tokens.length);
  return { index, tokens: tokens.slice(0, limit), finish: limit < tokens.length ? 'length' : 'stop' };
}

/** A given beginning counts as prompt for the target that continues it: its number of tokens. */
function prefixTokens(ask: WallChatRequest): number {
  let left = ask.prefix.length;
  return healthyTokens(ask).filter((token) => {
    left -= token.length;
    return left + token.length > 0;
  }).length;
}

/** The tokens after a prefix of the text; where it is no prefix of the text, all of them. */
function afterPrefix(tokens: readonly string[], prefix: string): readonly string[] {
  if (prefix === '' || !tokens.join('').startsWith(prefix)) return tokens;
  let left = prefix.length;
  return tokens.flatMap((token) => {
    const rest = token.slice(left);
    left = Math.max(0, left - token.length);
    return rest === '' ? [] : [rest];
  });
}

/** As engines do: only newly generated text is searched, and the stop string itself is left out. */
function untilStop(tokens: readonly string[], stop: readonly string[]): readonly string[] {
  const text = tokens.join('');
  const hits = stop.map((string) => text.indexOf(string)).filter((at) => at >= 0);
  if (hits.length === 0) return tokens;
  let left = Math.min(...hits);
  return tokens.flatMap((token) => {
    const part = token.slice(0, left);
    left -= part.length;
    return part === '' ? [] : [part];
  });
}

/** Xorshift: small, and the same on every machine. */
function randomWords(seed: number): () => number {
  let state = seed === 0 ? 0x2545f491 : seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
