import { type FinishReason, jsonText, type TokenLogprobWire } from '@tailrace/protocol';
import type { JsonObject } from '../domain/json.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import { createSurrogateJoiner, type SurrogateJoiner } from '../domain/surrogate-joiner.ts';
import { maxSlice, slicesOf } from '../domain/text-slices.ts';
import { type CallArguments, createCallArguments } from './call-arguments.ts';

/**
 * Emits the events of one choice of an answer, and repairs on the way what any provider may get wrong (contract, section
 * 7). So each adapter only has to read its provider's events.
 *
 * - Half of a surrogate pair waits for its other half; alone it becomes U+FFFD.
 * - An empty piece makes no event, unless it has log probabilities.
 * - The arguments of a call are one JSON object, said once (`call-arguments.ts`); a call without any gets `{}`.
 * - `stop` after calls becomes `tool_calls`.
 */
export interface ChoiceWriter {
  text(piece: string, counts?: TextCounts): void;
  reasoning(piece: string, counts?: Pick<TextCounts, 'tokens'>): void;
  refusal(piece: string): void;
  /** Output that our stream does not name: `value` is its JSON text. `other-output.ts` checks both before. */
  other(field: string, value: string): void;
  /** Begins a tool call; the one before it ends. `args`: its arguments, where some have come already. */
  startCall(call: ToolCallHead, args?: CallArguments): void;
  /** The next piece of the open call's arguments, as the provider sends it. */
  arguments(piece: string): void;
  /** Ends the open call; whether its arguments are a JSON object. `ranOut`: the answer ran out of tokens. */
  endCall(ranOut?: boolean): boolean;
  /** Emits the halves that are held: their other halves will not come. */
  flush(): void;
  /**
   * Ends the open call and emits what is held. Returns the reason of the finish, which the caller emits, or the first
   * call whose arguments are no JSON object. An answer that ran out of tokens may break off inside a call.
   */
  finish(reason: FinishReason): { readonly reason: FinishReason } | { readonly tornCall: number };
  /** Tool calls so far. */
  readonly calls: number;
  /** Half of a surrogate pair of text or reasoning is held. */
  readonly holding: boolean;
}

/** What a provider reports about a piece of text. */
export interface TextCounts {
  /** How many tokens it is. Default: 1, which no event mentions. */
  readonly tokens?: number;
  readonly logprobs?: readonly TokenLogprobWire[];
}

export interface ToolCallHead {
  readonly id: string;
  readonly name: string;
  /** Data that the next turn must send back with the call. */
  readonly extra?: JsonObject;
}

/** Takes the events that a writer makes. */
export interface EventOutput {
  /** Emits the next event of the answer; never `failed`. */
  emit(event: StreamEvent): void;
}

export interface ChoiceWriterOptions {
  readonly choice: number;
}

export function createChoiceWriter(options: ChoiceWriterOptions, output: EventOutput): ChoiceWriter {
  return new Writer(options, output);
}

const noCounts: TextCounts = {};

class Writer implements ChoiceWriter {
  calls = 0;
  private readonly choice: number;
  private readonly output: EventOutput;
  private readonly texts = createSurrogateJoiner();
  /** These three are made with their first piece. */
  private thoughts: SurrogateJoiner | undefined;
  private refusals: SurrogateJoiner | undefined;
  private argumentPieces: SurrogateJoiner | undefined;
  /** The arguments of the open call; undefined while none is open. */
  private args: CallArguments | undefined;
  private tornCall: number | undefined;

  constructor({ choice }: ChoiceWriterOptions, output: EventOutput) {
    this.choice = choice;
    this.output = output;
  }

  get holding(): boolean {
    return this.texts.holding || this.thoughts?.holding === true;
  }

  text(piece: string, counts = noCounts): void {
    if (this.thoughts?.holding === true) this.emitReasoning(this.thoughts.flush(), noCounts);
    this.emitText(this.texts.take(piece), counts);
  }

  reasoning(piece: string, counts = noCounts): void {
    this.thoughts ??= createSurrogateJoiner();
    this.emitReasoning(this.thoughts.take(piece), counts);
  }

  refusal(piece: string): void {
    this.refusals ??= createSurrogateJoiner();
    this.emitRefusal(this.refusals.take(piece));
  }

  other(field: string, value: string): void {
    this.output.emit({ type: 'other-delta', choice: this.choice, field, value });
  }

  startCall({ id, name, extra }: ToolCallHead, args = createCallArguments()): void {
    this.endCall();
    this.output.emit({
      type: 'tool-call-start',
      choice: this.choice,
      index: this.calls,
      id,
      name,
      ...(extra === undefined ? {} : { extra }),
    });
    this.calls += 1;
    this.args = args;
    this.emitArguments(args);
  }

  arguments(piece: string): void {
    if (this.args === undefined) {
      // These arguments belong to no call, so the answer is torn.
      if (piece.trim() !== '') this.tornCall ??= Math.max(0, this.calls - 1);
      return;
    }
    this.args.add(piece);
    this.emitArguments(this.args);
  }

  endCall(ranOut = false): boolean {
    const { args } = this;
    if (args === undefined) return true;
    this.args = undefined;
    args.end(ranOut);
    this.emitArguments(args);
    this.emitSlices(this.argumentPieces?.flush() ?? '');
    if (!args.valid) this.tornCall ??= this.calls - 1;
    return args.valid;
  }

  flush(): void {
    this.emitReasoning(this.thoughts?.flush() ?? '', noCounts);
    this.emitText(this.texts.flush(), noCounts);
    this.emitRefusal(this.refusals?.flush() ?? '');
  }

  finish(reason: FinishReason): { readonly reason: FinishReason } | { readonly tornCall: number } {
    this.flush();
    const ranOut = reason === 'length';
    this.endCall(ranOut);
    if (this.tornCall !== undefined && !ranOut) return { tornCall: this.tornCall };
    return { reason: reason === 'stop' && this.calls > 0 ? 'tool_calls' : reason };
  }

  private emitText(text: string, { tokens, logprobs }: TextCounts): void {
    if (text === '' && logprobs === undefined) return;
    const { choice } = this;
    const json = jsonText(text);
    const counted = countOf(tokens);
    // Nearly every delta has no more than its text, and an object with a spread in it costs several times as much.
    if (logprobs !== undefined) this.output.emit({ type: 'text-delta', choice, json, ...counted, logprobs });
    else if (counted !== undefined) this.output.emit({ type: 'text-delta', choice, json, ...counted });
    else this.output.emit({ type: 'text-delta', choice, json });
  }

  private emitReasoning(text: string, { tokens }: TextCounts): void {
    if (text === '') return;
    const { choice } = this;
    const json = jsonText(text);
    const counted = countOf(tokens);
    if (counted !== undefined) this.output.emit({ type: 'reasoning-delta', choice, json, ...counted });
    else this.output.emit({ type: 'reasoning-delta', choice, json });
  }

  private emitRefusal(text: string): void {
    if (text !== '') this.output.emit({ type: 'refusal-delta', choice: this.choice, json: jsonText(text) });
  }

  private emitArguments(args: CallArguments): void {
    this.argumentPieces ??= createSurrogateJoiner();
    this.emitSlices(this.argumentPieces.take(args.take()));
  }

  /** Emits arguments. Long ones, which came whole or were held, become several events. */
  private emitSlices(text: string): void {
    if (text.length <= maxSlice) this.emitSlice(text);
    else for (const slice of slicesOf(text)) this.emitSlice(slice);
  }

  private emitSlice(text: string): void {
    if (text === '') return;
    this.output.emit({
      type: 'tool-call-delta',
      choice: this.choice,
      index: this.calls - 1,
      json: jsonText(text),
    });
  }
}

/** Most providers send one token a delta, which needs no count. */
function countOf(tokens: number | undefined): { readonly tokens: number } | undefined {
  return tokens === undefined || tokens === 1 ? undefined : { tokens };
}
