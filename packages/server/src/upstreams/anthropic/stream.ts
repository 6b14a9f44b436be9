import type { FinishReason } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { madeCallId } from '../../domain/made-call-id.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter } from '../choice-writer.ts';
import { createAnswerBudget, usableCallId } from '../http/answer/answer-budget.ts';
import { tornArguments, unreadable } from '../http/answer/answer-failures.ts';
import type { Dialect, DialectOutput } from '../http/answer/dialect.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { asCount, asList, asRecord, textOrNone } from '../http/unknown-json.ts';
import { type KeptBlock, keepBlocks } from './assistant-blocks.ts';
import { type BlockStart, decodeBlock, decodePiece } from './content-blocks.ts';
import { failureOfEvent, prefillRefused } from './errors.ts';
import { addCounts, type Counts, usageOf } from './usage.ts';

export interface MessageStreamOptions {
  readonly errors: () => ErrorContext;
  /** For ids of calls that come without one. */
  readonly completionId: string;
  /**
   * Behind a prefix: the white space that was cut from its end. The answer has to begin with it, and it is not
   * said again.
   */
  readonly due?: string;
}

/** Fields that carry output. */
const carriesOutput = /content_block|"(?:text|thinking|partial_json)"/;

/** What a block that is kept costs, beside its texts. */
const blockLength = 64;

interface OpenBlock {
  readonly index: number;
  readonly start: BlockStart;
  /** Of a tool call. */
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
export function createMessageDialect(
  { errors, completionId, due }: MessageStreamOptions,
  output: DialectOutput,
): Dialect {
  const writer = createChoiceWriter({ choice: 0, textBegun: due !== undefined }, (event) =>
    output.emit(event),
  );
  const budget = createAnswerBudget();
  const kept: KeptBlock[] = [];
  let block: OpenBlock | undefined;
  let missing = due ?? '';
  let reason: FinishReason | undefined;
  let counts: Counts = {};

  function cut(what: string): void {
    output.fail(unreadable(what));
  }

  /** False where the answer ends here. */
  function isWithin(tooMuch: Failure | undefined): boolean {
    if (tooMuch !== undefined) output.fail(tooMuch);
    return tooMuch === undefined;
  }

  function keep(one: KeptBlock): void {
    // What is in it was counted as it came.
    if (isWithin(budget.extra(blockLength))) kept.push(one);
  }

  function writeText(piece: string): void {
    let text = piece;
    if (missing !== '') {
      const shared = Math.min(missing.length, text.length);
      if (text.slice(0, shared) !== missing.slice(0, shared)) {
        refuseJoint();
        return;
      }
      missing = missing.slice(shared);
      text = text.slice(shared);
    }
    writer.text(text);
  }

  function writeArguments(to: OpenBlock, text: string): void {
    to.begun ||= text !== '';
    to.length += text.length;
    if (isWithin(budget.arguments(text.length, to.length))) writer.arguments(text);
  }

  function startBlock(event: Readonly<Record<string, unknown>>): void {
    if (block !== undefined) stopBlock();
    const start = decodeBlock(event['content_block']);
    if ('odd' in start) {
      cut(start.odd);
      return;
    }
    const given = start.type === 'tool_use' ? usableCallId(start.id) : '';
    const id = given === '' ? madeCallId(completionId, 0, writer.calls) : given;
    const index = asCount(event['index']) ?? 0;
    block = {
      index,
      start,
      id,
      thinking: createTextPieces(),
      signature: createTextPieces(),
      length: 0,
      begun: false,
    };
    switch (start.type) {
      case 'text':
        addText(block, start.text);
        return;
      case 'thinking':
        addSignature(block, start.signature);
        addThought(block, start.thinking);
        return;
      case 'tool_use':
        if (!isWithin(budget.call() ?? budget.name(start.name))) return;
        writer.startCall({ id, name: start.name });
        return;
      case 'redacted_thinking':
        isWithin(budget.extra(start.data.length));
    }
  }

  function addText(to: OpenBlock, text: string): void {
    to.length += text.length;
    writeText(text);
  }

  function addThought(to: OpenBlock, text: string): void {
    to.thinking.add(text);
    if (isWithin(budget.extra(text.length))) writer.reasoning(text);
  }

  function addSignature(to: OpenBlock, text: string): void {
    to.signature.add(text);
    isWithin(budget.extra(text.length));
  }

  function addPiece(event: Readonly<Record<string, unknown>>): void {
    if (block === undefined || asCount(event['index']) !== block.index) {
      const message = 'The upstream mixed the blocks of its answer.';
      output.fail(failure('upstream_protocol', message));
      return;
    }
    const piece = decodePiece(event['delta']);
    if ('odd' in piece) {
      cut(piece.odd);
      return;
    }
    const { of, text } = piece;
    if (of !== block.start.type) cut(`a delta of ${of} in a block of ${block.start.type}`);
    else if (of === 'text') addText(block, text);
    else if (piece.signs) addSignature(block, text);
    else if (of === 'thinking') addThought(block, text);
    else writeArguments(block, text);
  }

  function stopBlock(): void {
    const ended = block;
    if (ended === undefined) return;
    block = undefined;
    writer.flush();
    const { start, thinking, signature, length, id } = ended;
    switch (start.type) {
      case 'text':
        keep({ type: 'text', length });
        return;
      case 'thinking':
        // Without a signature, which servers of others leave out, it could not go back.
        if (signature.length === 0) return;
        keep({ type: 'thinking', thinking: thinking.join(), signature: signature.join() });
        return;
      case 'redacted_thinking':
        keep(start);
        return;
      case 'tool_use':
        if (!ended.begun) writeArguments(ended, start.input);
        keep({ type: 'tool_use', id });
    }
  }

  function refuseJoint(): void {
    const message = 'The upstream did not go on exactly behind the answer so far.';
    output.fail(failure('upstream_cut', message));
  }

  function messageDelta(event: Readonly<Record<string, unknown>>): void {
    counts = addCounts(counts, event['usage']);
    const stop = asRecord(event['delta'])?.['stop_reason'];
    if (textOrNone(stop) === '') return;
    if (block !== undefined) stopBlock();
    if (missing !== '' && writer.calls === 0) refuseJoint();
    const given = typeof stop === 'string' ? finishReason(stop, writer.calls > 0) : undefined;
    if (given === undefined) {
      const detail = `stop_reason ${nameOf(stop)} with ${writer.calls} tool calls`;
      output.fail(
        failure('upstream_cut', 'The upstream stopped without having finished its answer.', { detail }),
      );
      return;
    }
    const finished = writer.finish(given);
    if ('tornCall' in finished) output.fail(tornArguments(finished.tornCall));
    else reason = finished.reason;
  }

  function tear(value: unknown): void {
    const torn = failureOfEvent(value, errors());
    const begun = block !== undefined || kept.length > 0;
    output.fail(due === undefined || begun ? torn : prefillRefused(torn));
  }

  return {
    handedOn: /"input"/,
    mayCarryOutput: (evidence) => carriesOutput.test(evidence),
    get state() {
      return reason === undefined ? 'open' : 'settled';
    },
    read(event) {
      switch (event['type']) {
        case 'message_start': {
          const message = asRecord(event['message']);
          counts = addCounts(counts, message?.['usage']);
          // Empty in every stream; what came here would come in no block.
          if (asList(message?.['content']).length > 0) cut('content in message_start');
          return;
        }
        case 'content_block_start':
          startBlock(event);
          return;
        case 'content_block_delta':
          addPiece(event);
          return;
        case 'content_block_stop':
          stopBlock();
          return;
        case 'message_delta':
          messageDelta(event);
          return;
        case 'error':
          tear(event['error']);
          return;
      }
    },
    finish() {
      const usage = usageOf(counts);
      if (usage !== undefined) output.emit({ type: 'usage', usage });
      const extra = keepBlocks(kept);
      output.emit({
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
      return 'stop';
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
