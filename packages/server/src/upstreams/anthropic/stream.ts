import type { FinishReason } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import type { JsonObject } from '../../domain/json.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import { slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter } from '../choice-writer.ts';
import { createAnswerBudget, usableCallId } from '../http/answer/answer-budget.ts';
import { tornArguments, unfinished, unreadable } from '../http/answer/answer-failures.ts';
import { type Dialect, type DialectOutput, doneEvent } from '../http/answer/dialect.ts';
import { finishReasonOf, isFinishReason } from '../http/answer/finish-reasons.ts';
import { HeldFinish } from '../http/answer/held-finish.ts';
import { createRepeatedBeginning } from '../http/answer/repeated-beginning.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { errorIn } from '../http/refusal/upstream-error.ts';
import { asCount, asList, asObject } from '../http/unknown-json.ts';
import { type KeptBlock, keepBlocks } from './assistant-blocks.ts';
import { type BlockStart, decodeBlock, decodePiece } from './content-blocks.ts';
import { failureOfEvent, prefillRefused } from './errors.ts';
import { MessageUsage } from './usage.ts';

/** What the dialect needs for one answer. */
export interface MessageStreamOptions {
  readonly errors: () => ErrorContext;
  /** For the ids of calls that have none. */
  readonly completionId: string;
  /**
   * The white space at the end of the prefix, which was not sent. The answer must begin with it, and the client has it already.
   * Absent: there is no prefix.
   */
  readonly prefixEnd?: string;
}

/** Matches fields that carry output. */
const carriesOutput = /content_block|"(?:text|thinking|partial_json)"/;

/** What a kept block counts in the budget, besides its texts. */
const blockLength = 64;

interface OpenBlock {
  readonly index: number;
  readonly start: BlockStart;
  /** For a tool call. */
  readonly id: string;
  readonly thinking: TextPieces<string>;
  readonly signature: TextPieces<string>;
  /** UTF-16 units of the text or of the call's arguments. */
  length: number;
  /** True once arguments of the call have come. */
  begun: boolean;
}

/**
 * Creates the dialect of the Messages API (platform.claude.com/docs/en/build-with-claude/streaming):
 *
 *     message_start  (block_start  block_delta*  block_stop)*  message_delta+  message_stop      ping, error: anywhere
 *
 * `message_stop` is the protocol's own end. Events of unknown types are signs of life, as that page demands. Blocks and deltas of unknown types are output; without it the answer would be
 * incomplete, so they tear the answer.
 */
export function createMessageDialect(
  { errors, completionId, prefixEnd }: MessageStreamOptions,
  output: DialectOutput,
): Dialect {
  const writer = createChoiceWriter({ choice: 0, textBegun: prefixEnd !== undefined }, output);
  const beginning = createRepeatedBeginning(prefixEnd ?? '');
  const budget = createAnswerBudget();
  const kept: KeptBlock[] = [];
  let block: OpenBlock | undefined;
  const finish = new HeldFinish<string>();
  let stopped = false;
  const usage = new MessageUsage();

  function cut(what: string): void {
    output.fail(unreadable(what));
  }

  /** Tears the answer where it exceeds its budget. Returns false then. */
  function isWithin(tooMuch: Failure | undefined): boolean {
    if (tooMuch !== undefined) output.fail(tooMuch);
    return tooMuch === undefined;
  }

  function keep(one: KeptBlock): void {
    // The texts of the block were counted as they came.
    if (isWithin(budget.extra(blockLength))) kept.push(one);
  }

  function addInput(to: OpenBlock, text: string): void {
    if (text !== '') finish.output();
    to.begun ||= text !== '';
    to.length += text.length;
    if (!isWithin(budget.arguments(text.length, to.length))) return;
    for (const slice of slicesOf(text)) writer.arguments(slice);
  }

  function startBlock(event: JsonObject): void {
    if (block !== undefined) stopBlock();
    const start = decodeBlock(event['content_block']);
    if ('unreadable' in start) {
      cut(start.unreadable);
      return;
    }
    const given = start.type === 'tool_use' ? usableCallId(start.id) : '';
    const id = given === '' ? generatedCallId(completionId, 0, writer.calls) : given;
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
        finish.output();
        writer.startCall({ id, name: start.name });
        return;
      case 'redacted_thinking':
        isWithin(budget.extra(start.data.length));
    }
  }

  function addText(to: OpenBlock, text: string): void {
    if (text !== '') finish.output();
    to.length += text.length;
    const added = beginning.take(text);
    if (added === undefined) output.fail(wrongJoint());
    else for (const slice of slicesOf(added)) writer.text(slice);
  }

  function addThought(to: OpenBlock, text: string): void {
    if (text !== '') {
      finish.output();
      usage.reasoningCame();
    }
    to.thinking.add(text);
    if (!isWithin(budget.extra(text.length))) return;
    for (const slice of slicesOf(text)) writer.reasoning(slice);
  }

  function addSignature(to: OpenBlock, text: string): void {
    to.signature.add(text);
    isWithin(budget.extra(text.length));
  }

  function addPiece(event: JsonObject): void {
    if (block === undefined || asCount(event['index']) !== block.index) {
      const message = 'The upstream mixed the blocks of its answer.';
      output.fail(failure('upstream_protocol', message));
      return;
    }
    const piece = decodePiece(event['delta']);
    if ('unreadable' in piece) {
      cut(piece.unreadable);
      return;
    }
    const { of, text } = piece;
    if (of !== block.start.type) cut(`a delta of ${of} in a block of ${block.start.type}`);
    else if (of === 'text') addText(block, text);
    else if (piece.signs) addSignature(block, text);
    else if (of === 'thinking') addThought(block, text);
    else addInput(block, text);
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
        // The API would refuse a thought without a signature; other servers with this API send none.
        if (signature.length === 0) return;
        keep({ type: 'thinking', thinking: thinking.join(), signature: signature.join() });
        return;
      case 'redacted_thinking':
        keep(start);
        return;
      case 'tool_use':
        if (!ended.begun) addInput(ended, start.input);
        writer.endCall();
        keep({ type: 'tool_use', id });
    }
  }

  /** Ends the message. Returns its finish reason, or the failure where the answer is torn. */
  function endMessage(): FinishReason | Failure {
    if (block !== undefined) stopBlock();
    const { calls } = writer;
    if (!beginning.complete && calls === 0) return wrongJoint();
    const given = finishReasonOf(finish.reason ?? '');
    // A call that the reason names and that has not come was lost.
    if (given === undefined || (given === 'tool_calls' && calls === 0)) {
      return unfinished(`stop_reason ${nameOf(finish.reason)} with ${calls} tool calls`);
    }
    const finished = writer.finish(given);
    return 'tornCall' in finished ? tornArguments(finished.tornCall) : finished.reason;
  }

  function readMessageDelta(event: JsonObject): void {
    usage.take(event['usage']);
    const stop = asObject(event['delta'])?.['stop_reason'];
    if (isFinishReason(stop)) finish.finish(stop);
  }

  /** Reads a message that came whole, with the code that reads its blocks from a stream. */
  function readMessage(message: JsonObject): void {
    usage.take(message['usage']);
    const { content } = message;
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    if (!Array.isArray(blocks)) {
      cut('a message whose content is no list');
      return;
    }
    for (const [index, given] of blocks.entries()) {
      startBlock({ index, content_block: given });
      stopBlock();
    }
    readMessageDelta({ delta: message });
  }

  function readError(value: unknown, status = 500): void {
    const reason = failureOfEvent(value, errors(), status);
    const begun = block !== undefined || kept.length > 0;
    output.refuse(prefixEnd === undefined || begun ? reason : prefillRefused(reason));
  }

  return {
    passesJsonOn: /"input"/,
    mayCarryOutput: (evidence) => carriesOutput.test(evidence) || undefined,
    get state() {
      return stopped && finish.reason !== undefined ? 'settled' : finish.state;
    },
    lastEvent: doneEvent,
    readError,
    readWhole(answer) {
      const error = errorIn(answer);
      if (error !== undefined) readError(error, 200);
      else if (answer['type'] === 'message' || Array.isArray(answer['content'])) readMessage(answer);
      else return false;
      return true;
    },
    read(event) {
      const error = errorIn(event);
      if (error !== undefined) {
        readError(error);
        return;
      }
      switch (event['type']) {
        case 'message':
          readMessage(event);
          return;
        case 'message_start': {
          const message = asObject(event['message']);
          usage.take(message?.['usage']);
          // `content` of `message_start` is empty in every stream. Content there would belong to no block, so it tears the
          // answer.
          if (asList(message?.['content']).length > 0) cut('content in message_start');
          return;
        }
        case 'content_block_start':
          usage.outputCame();
          startBlock(event);
          return;
        case 'content_block_delta':
          usage.outputCame();
          addPiece(event);
          return;
        case 'content_block_stop':
          stopBlock();
          return;
        case 'message_delta':
          readMessageDelta(event);
          return;
        case 'message_stop':
          stopped = true;
          return;
      }
    },
    finish() {
      const reason = endMessage();
      if (typeof reason === 'object') return reason;
      const counted = usage.usage();
      if (counted !== undefined) output.emit({ type: 'usage', usage: counted });
      const extra = keepBlocks(kept);
      output.emit({
        type: 'finish',
        choice: 0,
        reason,
        ...(extra === undefined ? {} : { extra }),
      });
      return undefined;
    },
  };
}

/** The answer does not begin with the end of the prefix. */
function wrongJoint(): Failure {
  return failure('upstream_cut', 'The upstream did not go on exactly behind the answer so far.');
}
