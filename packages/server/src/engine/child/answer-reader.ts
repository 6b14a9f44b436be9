import type { TokenLogprobWire } from '@tailrace/protocol';
import { createReasoningSplit, type ReasoningTags } from '../../domain/reasoning-split.ts';
import { type AnswerShape, isConstrained } from '../between/protocol.ts';
import type { ToolSyntax } from '../between/tool-syntax.ts';
import type { AnswerPiece } from './answer-piece.ts';
import { type CallFinder, createCallFinder } from './call-finder.ts';
import { type CallPart, createCallReader } from './call-reader.ts';
import { createRepeatHold } from './repeat-hold.ts';
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
 * Each stage holds back text whose kind is not yet decided. A token counts as delivered once no part of it is held, so
 * `tokens` of the text that has left is the number of tokens that wrote exactly that text.
 */
export interface AnswerReader {
  /** Takes a sampled token. Throws where the grammar should begin now and does not allow the text so far. */
  push(bytes: Uint8Array, logprob: TokenLogprobWire | undefined): Reading;
  /** The end of the answer: releases the text that is held, up to a stop string in it. */
  flush(): Reading;
  calls(): number;
  /** True while the model thinks and the answer that the grammar requires has not begun. */
  owes(): boolean;
  reasoningTokens(): number;
}

export interface Reading {
  readonly said: readonly AnswerPiece[];
  /** True where the answer has ended with a stop string or with the repetition of a call. */
  readonly stopped: boolean;
}

export interface AnswerReaderOptions {
  readonly shape: AnswerShape;
  readonly syntax: ToolSyntax;
  readonly tags: readonly ReasoningTags[];
  /** Set where the prompt ends inside the model's thoughts. */
  readonly opened: ReasoningTags | undefined;
  /** Strings that end the answer's text; they do not count in calls and thoughts. */
  readonly stop: readonly string[];
  /** True where the prompt contains the beginning of the answer: everything that follows is text. */
  readonly continued: boolean;
  /**
   * Applies the grammar from the next token on, as if `written` had been sampled with it. False where the grammar does
   * not allow `written`.
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
  /** White space at the start of the answer, while a thought may still follow. */
  let opening = '';

  function looksForCalls(): boolean {
    if (shape.type === 'calls') return !shape.forced && !(options.continued && syntax.atStart);
    return shape.type === 'json-or-calls' && !options.continued;
  }

  function takeAnswer(text: string, said: AnswerPiece[]): void {
    if (text === '') return;
    if (isConstrained(shape) && !ruled) {
      ruled = true;
      if (!options.constrain(text)) {
        // Text in one token with the closing tag with which the grammar cannot begin: the answer begins behind it.
        if (!options.constrain('')) throw new Error('the grammar does not begin');
        return;
      }
    }
    if (mode === 'calls') takeCalls(text, said);
    else if (finder === undefined) takeText(text, said, split.held());
    else takeUntilMarker(finder, text, said);
  }

  /** Passes text on up to the marker; behind it calls begin, where the grammar allows them. */
  function takeUntilMarker(finding: CallFinder, text: string, said: AnswerPiece[]): void {
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

  /** Applies the grammar to the marker and the text in the same token, in each spelling that the grammar may have. */
  function beginCalls(behind: string): boolean {
    const rest = behind.trimStart();
    const spellings = new Set([syntax.marker + behind, syntax.marker + rest, syntax.open + rest]);
    return [...spellings].some((spelling) => options.constrain(spelling));
  }

  /** `behind`: decoded units that follow this text. */
  function takeText(text: string, said: AnswerPiece[], behind: number): void {
    if (stopped || text === '') return;
    const piece = stops.push(text);
    if (piece.text !== '') said.push({ type: 'text', text: piece.text, tokens: 0 });
    if (!piece.stopped) return;
    stopped = true;
    tokens.stop(decoded - behind - piece.dropped);
    // The stop string begins inside a token whose first part has left: the token is reported now.
    if (tokens.pending() && !said.some(({ type }) => type === 'text')) {
      said.push({ type: 'text', text: '', tokens: 0 });
    }
  }

  /** Looks for stop strings of white space where a thought may still follow. */
  function lookAtOpening(characters: string, said: AnswerPiece[]): void {
    opening += characters;
    if (opening.trim() === '' && whiteStops.some((stop) => opening.includes(stop))) {
      takeText(opening, said, 0);
    }
  }

  function takeHeld(said: AnswerPiece[]): void {
    const held = stops.flush();
    if (held !== '') said.push({ type: 'text', text: held, tokens: 0 });
  }

  function takeCalls(text: string, said: AnswerPiece[]): void {
    for (const part of reader.push(text)) {
      sayCalls(repeats.push(part), said);
      // A model that repeats a call has nothing new to write: the answer ends here.
      if (repeats.repeated()) stopped = true;
      if (stopped) return;
    }
  }

  function sayCalls(parts: readonly CallPart[], said: AnswerPiece[]): void {
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
      const said: AnswerPiece[] = [];
      const parts = split.push(characters);
      if (parts.reasoning !== '') said.push({ type: 'reasoning', text: parts.reasoning, tokens: 0 });
      takeAnswer(parts.text, said);
      const after = split.phase();
      if (after === 'opening' && whiteStops.length > 0) lookAtOpening(characters, said);
      // The grammar applies directly behind the closing tag, so that it decides the first word too.
      if (isConstrained(shape) && !ruled && after === 'text') ruled = options.constrain('');
      if (before === 'reasoning' || after === 'reasoning') reasoningTokens = sampled;
      tokens.resolve(decoded - heldUnits(), before === 'text');
      return { said: tokens.attach(said), stopped };
    },
    flush() {
      const said: AnswerPiece[] = [];
      const parts = split.flush();
      if (parts.reasoning !== '') said.push({ type: 'reasoning', text: parts.reasoning, tokens: 0 });
      takeAnswer(parts.text, said);
      if (mode === 'text' && !stopped) {
        takeText(finder?.flush() ?? '', said, 0);
        if (!stopped) takeHeld(said);
      }
      sayCalls(repeats.flush(), said);
      tokens.resolve(Number.POSITIVE_INFINITY, true);
      // The tokens of an incomplete character are no text, but they were sampled: their bytes are reported.
      const unreported = mode === 'text' && split.phase() !== 'reasoning' && tokens.pending();
      if (unreported && !said.some(({ type }) => type === 'text'))
        said.push({ type: 'text', text: '', tokens: 0 });
      return { said: tokens.attach(said), stopped };
    },
    calls: () => calls,
    owes: () => isConstrained(shape) && !ruled,
    reasoningTokens: () => reasoningTokens,
  };
}
