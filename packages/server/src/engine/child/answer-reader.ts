import type { TokenLogprobWire } from '@tailrace/protocol';
import { createReasoningSplit, type ReasoningTags } from '../../domain/reasoning-split.ts';
import { type AnswerShape, isConstrained } from '../between/protocol.ts';
import type { ToolSyntax } from '../between/tool-syntax.ts';
import { type CallFinder, createCallFinder } from './call-finder.ts';
import { type CallPart, createCallReader } from './call-reader.ts';
import { createRepeatHold } from './repeat-hold.ts';
import type { Said } from './said.ts';
import { createTextStream } from './text-stream.ts';
import { createTokenAccount } from './token-account.ts';
import { createUtf8Decoder } from './utf8-decoder.ts';

/**
 * Reads one choice, token by token:
 *
 *     bytes ──decoder──▶ characters ──split──▶ reasoning
 *                                       └────▶ answer ──finder──▶ text ──stop strings──▶ leaves
 *                                                         └─────▶ calls ──▶ names and arguments
 *
 * Every stage holds back what may still become something else. A token counts as delivered once nothing of it
 * is held: `tokens` of the text that has left is what it took to write exactly that text.
 */
export interface AnswerReader {
  /** Takes a sampled token. Throws where the grammar that is due does not fit what was written. */
  push(bytes: Uint8Array, logprob: TokenLogprobWire | undefined): Reading;
  /** The end: what was held back leaves, unless a stop string is found in it. */
  flush(): Reading;
  calls(): number;
  /** True while thoughts stand before an answer that a grammar is to rule: to end now would be to owe it. */
  owes(): boolean;
  reasoningTokens(): number;
}

export interface Reading {
  readonly said: readonly Said[];
  /** A stop string was found, or a call that was made before: the answer is over. */
  readonly stopped: boolean;
}

export interface AnswerReaderOptions {
  readonly shape: AnswerShape;
  readonly syntax: ToolSyntax;
  readonly tags: readonly ReasoningTags[];
  /** Set where the prompt ends inside the model's thoughts. */
  readonly opened: ReasoningTags | undefined;
  /** Strings that end the answer's text; calls and thoughts are not cut by them. */
  readonly stop: readonly string[];
  /** The beginning of the answer was delivered before: what comes is text. */
  readonly continued: boolean;
  /**
   * Lets the grammar rule what is sampled from now on, as if `written` had been sampled under it. False where
   * the grammar does not allow that.
   */
  constrain(written: string): boolean;
}

export function createAnswerReader(options: AnswerReaderOptions): AnswerReader {
  const { shape, syntax } = options;
  const ruledAtOnce = isConstrained(shape) && options.opened === undefined;
  const whiteStops = options.stop.filter((stop) => stop.trim() === '');
  const decoder = createUtf8Decoder();
  const split = createReasoningSplit(ruledAtOnce || options.continued ? [] : options.tags, options.opened);
  const finder = looksForCalls()
    ? createCallFinder({
        marker: syntax.marker,
        atStart: syntax.atStart || shape.type === 'json-or-calls',
        spaceLeaves: whiteStops.length > 0,
      })
    : undefined;
  const stops = createTextStream(options.stop);
  const reader = createCallReader(syntax);
  const repeats = createRepeatHold();
  const tokens = createTokenAccount();
  let mode: 'text' | 'calls' = shape.type === 'calls' && shape.forced ? 'calls' : 'text';
  let ruled = ruledAtOnce;
  let decoded = 0;
  let sampled = 0;
  let reasoningTokens = 0;
  let stopped = false;
  let calls = 0;
  /** White space with which the answer opened, while it may still stand before a thought. */
  let opening = '';

  function looksForCalls(): boolean {
    if (shape.type === 'calls') return !shape.forced && !(options.continued && syntax.atStart);
    return shape.type === 'json-or-calls' && !options.continued;
  }

  function takeAnswer(text: string, said: Said[]): void {
    if (text === '') return;
    if (isConstrained(shape) && !ruled) {
      ruled = true;
      if (!options.constrain(text)) {
        // What came in one token with the closing tag, and can be no beginning: the answer begins behind it.
        if (!options.constrain('')) throw new Error('the grammar does not begin');
        return;
      }
    }
    if (mode === 'calls') takeCalls(text, said);
    else if (finder === undefined) takeText(text, said, split.held());
    else takeUntilMarker(finder, text, said);
  }

  /** Text is given on; behind the marker the calls begin, where the grammar agrees that they do. */
  function takeUntilMarker(finding: CallFinder, text: string, said: Said[]): void {
    const whole = finding.held() + text.length;
    const found = finding.push(text);
    takeText(found.text, said, whole - found.text.length + split.held());
    if (found.behind === undefined || stopped) return;
    if (ruled || beginCalls(found.behind)) {
      takeHeld(said);
      mode = 'calls';
      takeCalls(syntax.marker + found.behind, said);
    } else takeText(syntax.marker + found.behind, said, split.held());
  }

  /** The marker and what came with it in one token, in the ways the grammar may spell them. */
  function beginCalls(behind: string): boolean {
    const rest = behind.trimStart();
    const spellings = new Set([syntax.marker + behind, syntax.marker + rest, syntax.open + rest]);
    return [...spellings].some((spelling) => options.constrain(spelling));
  }

  /** `behind`: units decoded so far that come after this text. */
  function takeText(text: string, said: Said[], behind: number): void {
    if (stopped || text === '') return;
    const piece = stops.push(text);
    if (piece.text !== '') said.push({ type: 'text', text: piece.text, tokens: 0 });
    if (!piece.stopped) return;
    stopped = true;
    tokens.stop(decoded - behind - piece.dropped);
    // A token that the stop string cut in two: its first half left before, and it is told of now.
    if (tokens.told() && !said.some(({ type }) => type === 'text')) {
      said.push({ type: 'text', text: '', tokens: 0 });
    }
  }

  /** A stop string of white space is found there too, where a thought could still follow. */
  function lookAtOpening(characters: string, said: Said[]): void {
    opening += characters;
    if (opening.trim() === '' && whiteStops.some((stop) => opening.includes(stop))) {
      takeText(opening, said, 0);
    }
  }

  function takeHeld(said: Said[]): void {
    const held = stops.flush();
    if (held !== '') said.push({ type: 'text', text: held, tokens: 0 });
  }

  function takeCalls(text: string, said: Said[]): void {
    for (const part of reader.push(text)) {
      sayCalls(repeats.push(part), said);
      // The end of the answer, for whoever goes on: a model that repeats itself has said what it had to say.
      if (repeats.repeated()) stopped = true;
      if (stopped) return;
    }
  }

  function sayCalls(parts: readonly CallPart[], said: Said[]): void {
    for (const part of parts) {
      if (part.type === 'call') said.push({ type: 'call', index: calls++, name: part.name });
      else if (part.type === 'arguments') said.push({ type: 'arguments', index: calls - 1, text: part.text });
    }
  }

  function heldUnits(): number {
    return split.held() + (finder?.held() ?? 0) + stops.held();
  }

  return {
    push(bytes, logprob) {
      const before = split.phase();
      const characters = decoder.push(bytes);
      decoded += characters.length;
      tokens.add(decoded + (decoder.incomplete() ? 1 : 0), logprob);
      sampled++;
      const said: Said[] = [];
      const parts = split.push(characters);
      if (parts.reasoning !== '') said.push({ type: 'reasoning', text: parts.reasoning, tokens: 0 });
      takeAnswer(parts.text, said);
      const after = split.phase();
      if (after === 'opening' && whiteStops.length > 0) lookAtOpening(characters, said);
      // From the closing tag on, not from the first word behind it: that word must be one the grammar allows.
      if (isConstrained(shape) && !ruled && after === 'text') ruled = options.constrain('');
      if (before === 'reasoning' || after === 'reasoning') reasoningTokens = sampled;
      tokens.resolve(decoded - heldUnits(), before === 'text');
      return { said: tokens.attach(said), stopped };
    },
    flush() {
      const said: Said[] = [];
      const parts = split.flush();
      if (parts.reasoning !== '') said.push({ type: 'reasoning', text: parts.reasoning, tokens: 0 });
      takeAnswer(parts.text, said);
      if (mode === 'text' && !stopped) {
        takeText(finder?.flush() ?? '', said, 0);
        if (!stopped) takeHeld(said);
      }
      sayCalls(repeats.flush(), said);
      tokens.resolve(Number.POSITIVE_INFINITY, true);
      // Tokens of a character that never became whole are no text, and yet were chosen: their bytes are told.
      const untold = mode === 'text' && split.phase() !== 'reasoning' && tokens.told();
      if (untold && !said.some(({ type }) => type === 'text'))
        said.push({ type: 'text', text: '', tokens: 0 });
      return { said: tokens.attach(said), stopped };
    },
    calls: () => calls,
    owes: () => isConstrained(shape) && !ruled,
    reasoningTokens: () => reasoningTokens,
  };
}
