import { type FinishReason, jsonText } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { createSurrogateJoiner } from '../../domain/surrogate-joiner.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createAnswerBudget, usableCallId } from '../shared/answer-budget.ts';
import { unreadable } from '../shared/malformed-events.ts';
import type { ErrorContext } from '../shared/refusal.ts';
import type { Dialect, Say } from '../shared/translation.ts';
import { asCount, asList, asRecord, textOrNone } from '../shared/unknown-json.ts';
import { type KeptBlock, keepBlocks } from './assistant-blocks.ts';
import { type BlockStart, decodeBlock, decodePiece } from './content-blocks.ts';
import { failureOfEvent, prefillRefused } from './errors.ts';
import { addCounts, type Counts, usageOf } from './usage.ts';

export interface MessageStreamOptions {
  readonly errors: ErrorContext;
  /** For ids of calls that come without one. */
  readonly completionId: string;
  /**
   * Behind a prefix: the white space that was cut from its end. The answer has to begin with it, and it is not
   * said again.
   */
  readonly due?: string;
}

/** Events that cannot be read but show output: the names of its fields. */
export const messageOutput = /content_block|"(?:text|thinking|partial_json)"/;

/** What a block that is kept costs, beside its texts. */
const blockLength = 64;

interface OpenBlock {
  readonly index: number;
  readonly start: BlockStart;
  /** Of a tool call: its place among the calls, and its id. */
  readonly call: number;
  readonly id: string;
  readonly thinking: TextPieces<string>;
  readonly signature: TextPieces<string>;
  /** UTF-16 units of text, or of the call's arguments. */
  length: number;
  /** Whether the call's arguments have begun. */
  begun: boolean;
}

/**
 * Reads the event stream of the Messages API (platform.claude.com/docs/en/build-with-claude/streaming):
 *
 *     message_start  (block_start  block_delta*  block_stop)*  message_delta+  message_stop      ping, error: anywhere
 *
 * `message_delta` carries the stop reason and the final usage together, so nothing has to be held back. Event
 * types that this reader does not know are signs of life, as that page asks. An unknown block or delta is output;
 * without it the answer would be torn, so it is a cut.
 */
export function createMessageDialect({ errors, completionId, due }: MessageStreamOptions): Dialect {
  const texts = createSurrogateJoiner();
  const thoughts = createSurrogateJoiner();
  const inputs = createSurrogateJoiner();
  const budget = createAnswerBudget();
  const kept: KeptBlock[] = [];
  let block: OpenBlock | undefined;
  let calls = 0;
  let missing = due ?? '';
  let spoken = false;
  let reason: FinishReason | undefined;
  let counts: Counts = {};

  function cut(say: Say, what: string): void {
    say({ type: 'failed', failure: unreadable(what) });
  }

  /** False where the answer ends here. */
  function isWithin(say: Say, tooMuch: Failure | undefined): boolean {
    if (tooMuch !== undefined) say({ type: 'failed', failure: tooMuch });
    return tooMuch === undefined;
  }

  function keep(say: Say, one: KeptBlock): void {
    // What is in it was counted as it came.
    if (isWithin(say, budget.extra(blockLength))) kept.push(one);
  }

  function sayText(say: Say, piece: string): void {
    let text = piece;
    if (missing !== '') {
      const shared = Math.min(missing.length, text.length);
      if (text.slice(0, shared) !== missing.slice(0, shared)) {
        refuseJoint(say);
        return;
      }
      missing = missing.slice(shared);
      text = text.slice(shared);
    }
    if (text === '') return;
    spoken = true;
    say({ type: 'text-delta', choice: 0, json: jsonText(text) });
  }

  /** Reasoning comes before the text (contract, section 3): later thoughts only go back to where they came from. */
  function sayThought(say: Say, text: string): void {
    if (text !== '' && !spoken) say({ type: 'reasoning-delta', choice: 0, json: jsonText(text) });
  }

  function sayInput(say: Say, call: number, text: string): void {
    if (text !== '') say({ type: 'tool-call-delta', choice: 0, index: call, json: jsonText(text) });
  }

  function addInput(to: OpenBlock, text: string, say: Say): void {
    to.begun ||= text !== '';
    to.length += text.length;
    if (isWithin(say, budget.arguments(text.length, to.length))) sayInput(say, to.call, inputs.take(text));
  }

  function startBlock(event: Readonly<Record<string, unknown>>, say: Say): void {
    if (block !== undefined) stopBlock(say);
    const start = decodeBlock(event['content_block']);
    if ('odd' in start) {
      cut(say, start.odd);
      return;
    }
    const given = start.type === 'tool_use' ? usableCallId(start.id) : '';
    const id = given === '' ? `call_${completionId.slice(-20)}_0_${calls}` : given;
    const index = asCount(event['index']) ?? 0;
    block = {
      index,
      start,
      call: calls,
      id,
      thinking: createTextPieces(),
      signature: createTextPieces(),
      length: 0,
      begun: false,
    };
    switch (start.type) {
      case 'text':
        addText(block, start.text, say);
        return;
      case 'thinking':
        addSignature(block, start.signature, say);
        addThought(block, start.thinking, say);
        return;
      case 'tool_use':
        if (!isWithin(say, budget.call() ?? budget.name(start.name))) return;
        calls += 1;
        say({ type: 'tool-call-start', choice: 0, index: block.call, id, name: start.name });
        return;
      case 'redacted_thinking':
        isWithin(say, budget.extra(start.data.length));
    }
  }

  function addText(to: OpenBlock, text: string, say: Say): void {
    to.length += text.length;
    sayText(say, texts.take(text));
  }

  function addThought(to: OpenBlock, text: string, say: Say): void {
    to.thinking.add(text);
    if (isWithin(say, budget.extra(text.length))) sayThought(say, thoughts.take(text));
  }

  function addSignature(to: OpenBlock, text: string, say: Say): void {
    to.signature.add(text);
    isWithin(say, budget.extra(text.length));
  }

  function addPiece(event: Readonly<Record<string, unknown>>, say: Say): void {
    if (block === undefined || asCount(event['index']) !== block.index) {
      const message = 'The upstream mixed the blocks of its answer.';
      say({ type: 'failed', failure: failure('upstream_protocol', message) });
      return;
    }
    const piece = decodePiece(event['delta']);
    if ('odd' in piece) {
      cut(say, piece.odd);
      return;
    }
    const { of, text } = piece;
    if (of !== block.start.type) cut(say, `a delta of ${of} in a block of ${block.start.type}`);
    else if (of === 'text') addText(block, text, say);
    else if (piece.signs) addSignature(block, text, say);
    else if (of === 'thinking') addThought(block, text, say);
    else addInput(block, text, say);
  }

  function stopBlock(say: Say): void {
    const ended = block;
    if (ended === undefined) return;
    block = undefined;
    sayText(say, texts.flush());
    sayThought(say, thoughts.flush());
    const { start, thinking, signature, length, id } = ended;
    switch (start.type) {
      case 'text':
        keep(say, { type: 'text', length });
        return;
      case 'thinking':
        // Without a signature, which servers of others leave out, it could not go back.
        if (signature.length === 0) return;
        keep(say, { type: 'thinking', thinking: thinking.join(), signature: signature.join() });
        return;
      case 'redacted_thinking':
        keep(say, start);
        return;
      case 'tool_use':
        sayInput(say, ended.call, inputs.flush());
        // A call without arguments has no pieces; the protocol wants JSON all the same.
        if (!ended.begun) addInput(ended, start.input === '' ? '{}' : start.input, say);
        keep(say, { type: 'tool_use', id });
    }
  }

  function refuseJoint(say: Say): void {
    const message = 'The upstream did not go on exactly behind the answer so far.';
    say({ type: 'failed', failure: failure('upstream_cut', message) });
  }

  function messageDelta(event: Readonly<Record<string, unknown>>, say: Say): void {
    counts = addCounts(counts, event['usage']);
    const stop = asRecord(event['delta'])?.['stop_reason'];
    if (textOrNone(stop) === '') return;
    if (block !== undefined) stopBlock(say);
    if (missing !== '' && calls === 0) refuseJoint(say);
    reason = typeof stop === 'string' ? finishReason(stop, calls > 0) : undefined;
    if (reason !== undefined) return;
    const message = 'The upstream stopped without having finished its answer.';
    const detail = `stop_reason ${nameOf(stop)} with ${calls} tool calls`;
    say({ type: 'failed', failure: failure('upstream_cut', message, { detail }) });
  }

  function tear(value: unknown, say: Say): void {
    const torn = failureOfEvent(value, errors);
    const begun = block !== undefined || kept.length > 0;
    say({ type: 'failed', failure: due === undefined || begun ? torn : prefillRefused(torn) });
  }

  return {
    foreign: '"input"',
    get state() {
      return reason === undefined ? 'open' : 'settled';
    },
    read(event, say) {
      switch (event['type']) {
        case 'message_start': {
          const message = asRecord(event['message']);
          counts = addCounts(counts, message?.['usage']);
          // Empty in every stream; what came here would come in no block.
          if (asList(message?.['content']).length > 0) cut(say, 'content in message_start');
          return;
        }
        case 'content_block_start':
          startBlock(event, say);
          return;
        case 'content_block_delta':
          addPiece(event, say);
          return;
        case 'content_block_stop':
          stopBlock(say);
          return;
        case 'message_delta':
          messageDelta(event, say);
          return;
        case 'error':
          tear(event['error'], say);
          return;
      }
    },
    finish(say) {
      const usage = usageOf(counts);
      if (usage !== undefined) say({ type: 'usage', usage });
      const extra = keepBlocks(kept);
      say({
        type: 'finish',
        choice: 0,
        reason: reason ?? 'stop',
        ...(extra === undefined ? {} : { extra }),
      });
    },
  };
}

/**
 * platform.claude.com/docs/en/build-with-claude/handling-stop-reasons. Undefined for what is no finish:
 * `pause_turn` (of tools the provider runs, which nobody asked for here), `tool_use` where no call came (it was
 * lost on the way, and an answer without it would be a truncated success), and what is newer than this list.
 */
function finishReason(stop: string, called: boolean): FinishReason | undefined {
  switch (stop) {
    case 'end_turn':
    case 'stop_sequence':
      return called ? 'tool_calls' : 'stop';
    case 'tool_use':
      return called ? 'tool_calls' : undefined;
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'refusal':
      return 'content_filter';
    default:
      return undefined;
  }
}
