import type { FinishReason } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import { isBlank, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { keepSpellings } from '../../domain/spellings.ts';
import type { TextPieces } from '../../domain/text-pieces.ts';
import { slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { createChoiceWriter } from '../choice-writer.ts';
import { createAnswerBudget, usableCallId } from '../http/answer/answer-budget.ts';
import { tornArguments, unfinished, unreadable } from '../http/answer/answer-failures.ts';
import { type Dialect, type DialectOutput, doneEvent } from '../http/answer/dialect.ts';
import { finishReasonOf, isReason } from '../http/answer/finish-reasons.ts';
import { HeldFinish } from '../http/answer/held-finish.ts';
import {
  type OtherField,
  otherField,
  otherItem,
  otherPart,
  withoutMembers,
  writeOther,
} from '../http/answer/other-output.ts';
import { createRepeatedBeginning } from '../http/answer/repeated-beginning.ts';
import { createToolCalls } from '../http/answer/tool-calls.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { errorIn } from '../http/refusal/upstream-error.ts';
import { asIndex, asList, asObject, parseJsonExactly } from '../http/unknown-json.ts';
import { keepBlocks } from './assistant-blocks.ts';
import { type BlockPiece, decodeBlock, decodePiece } from './content-blocks.ts';
import { failureOfEvent, prefillRefused } from './errors.ts';
import { type MessageBlock, MessageBlocks } from './message-blocks.ts';
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

/** Matches fields that carry output, and the beginning of an event that was cut and may be an event of a block. */
const carriesOutput = /_block|^\s*\{\s*"type"\s*:\s*"c|(?:text|thinking|partial_json|citation)"/;

/** What a block counts in the budget, besides its texts. */
const blockLength = 64;

/**
 * Creates the dialect of the Messages API (platform.claude.com/docs/en/build-with-claude/streaming):
 *
 *     message_start  (block_start  block_delta*  block_stop)*  message_delta+  message_stop      ping, error: anywhere
 *
 * `message_stop` is the protocol's own end. Events of unknown types are signs of life, as that page demands. Blocks of unknown
 * types are output that our stream does not name: each is forwarded when it is complete. A delta of an unknown type tears the
 * answer, because only its type says how it changes the block. Blocks may overlap: the inputs of calls are put into order, texts
 * that take turns tear the answer.
 */
export function createMessageDialect(
  { errors, completionId, prefixEnd }: MessageStreamOptions,
  output: DialectOutput,
): Dialect {
  const writer = createChoiceWriter({ choice: 0 }, output);
  const beginning = createRepeatedBeginning(prefixEnd ?? '');
  const budget = createAnswerBudget();
  const makeId = (call: number) => generatedCallId(completionId, 0, call);
  const calls = createToolCalls({ makeId, budget, writer, wholeNames: true, hasEnds: true });
  const blocks = new MessageBlocks();
  /** The places of the blocks whose text, and whose thought, came last. */
  const last = { text: 0, thinking: 0 };
  /** The number of blocks in `message_start`. */
  let begunWith = 0;
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

  function addInput(index: number, text: string): void {
    if (text !== '') finish.output();
    isWithin(calls.add({ index, arguments: text }));
  }

  function forward(other: OtherField): void {
    const wrong = writeOther(other, { writer, budget, hidden: errors().hidden });
    if (wrong === undefined) finish.output();
    else output.fail(wrong);
  }

  function startBlock(event: JsonObject): void {
    const content = event['content_block'];
    const start = decodeBlock(content);
    if ('unreadable' in start) {
      cut(start.unreadable);
      return;
    }
    const index = asIndex(event['index']) ?? 0;
    if (index < begunWith) {
      cut('a block with the index of a block in message_start');
      return;
    }
    for (const before of blocks.stopBefore(index)) endBlock(before);
    writer.flush();
    const block = blocks.begin(start, index);
    if (!isWithin(budget.extra(blockLength))) return;
    switch (start.type) {
      case 'text':
        addText(block, start.text);
        addCitations(content);
        return;
      case 'thinking':
        addSignature(block, start.signature);
        addThought(block, start.thinking);
        return;
      case 'tool_use': {
        const { id, name, input } = start;
        const given = id === '' ? {} : { id: usableCallId(id) };
        finish.output();
        isWithin(calls.add({ index, name, arguments: input, ...given }));
        return;
      }
      case 'redacted_thinking':
        isWithin(budget.extra(start.data.length));
        return;
      case 'other':
        // Its output is forwarded when it is complete; until then a finish is doubtful.
        finish.output();
    }
  }

  function addText(to: MessageBlock, text: string): void {
    if (text !== '') finish.output();
    if (text !== '' && !isInOrder(to, 'text')) return;
    to.length += text.length;
    const added = beginning.take(text);
    if (added === undefined) output.fail(wrongJoint());
    else for (const slice of slicesOf(added)) writer.text(slice);
  }

  /** Tears the answer where the texts of two blocks take turns, because ours is one text. Returns false then. */
  function isInOrder({ place }: MessageBlock, type: 'text' | 'thinking'): boolean {
    const isLate = place < last[type];
    if (isLate) output.fail(failure('upstream_protocol', 'The upstream mixed the blocks of its answer.'));
    last[type] = Math.max(place, last[type]);
    return !isLate;
  }

  function addThought(to: MessageBlock, text: string): void {
    if (text !== '') {
      finish.output();
      usage.reasoningCame();
    }
    if (text !== '' && !isInOrder(to, 'thinking')) return;
    to.thinking.add(text);
    if (!isWithin(budget.extra(text.length))) return;
    for (const slice of slicesOf(text)) writer.reasoning(slice);
  }

  function addSignature(to: MessageBlock, text: string): void {
    to.signature.add(text);
    isWithin(budget.extra(text.length));
  }

  function addPiece(event: JsonObject): void {
    const piece = decodePiece(event['delta']);
    if ('unreadable' in piece) {
      cut(piece.unreadable);
      return;
    }
    const index = asIndex(event['index']);
    const block = blocks.find(index);
    const type = block?.start.type;
    if (piece.of === 'citation') {
      if (type === undefined || type === 'text') forward(otherItem('citations', piece.citation));
      else cut(`a citation in a block of ${type}`);
    } else if (piece.of === 'tool_use') addInputTo(block, piece.text);
    else if (block !== undefined && type === piece.of) addTo(block, piece);
    // The type of a piece and that of its block disagree. Only a thought in a text is certainly what it says.
    else if (block !== undefined && (index ?? block.index) === block.index && !isThoughtIn(type, piece))
      cut(`a delta of ${piece.of} in a block of ${type}`);
    else addTo(loose(piece.of), piece);
  }

  /** The block for a piece that fits no open block. */
  function loose(type: 'text' | 'thinking'): MessageBlock {
    const last = blocks.last(type);
    if (last !== undefined) return last;
    isWithin(budget.extra(blockLength));
    return blocks.begin(type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' });
  }

  function addTo(to: MessageBlock, { of, text, signs }: BlockPiece): void {
    if (signs) addSignature(to, text);
    else if (of === 'text') addText(to, text);
    else addThought(to, text);
  }

  function addInputTo(to: MessageBlock | undefined, text: string): void {
    if (to?.start.type === 'tool_use') addInput(to.index, text);
    else if (to?.start.type === 'other') addOtherInput(to, text);
    else if (text !== '')
      cut(`a delta of tool_use in ${to === undefined ? 'no block' : `a block of ${to.start.type}`}`);
  }

  /** The citations that a text block already has at its beginning. */
  function addCitations(content: unknown): void {
    const given = asObject(content);
    if (given !== undefined && !isBlank(given['citations'])) forward(otherField(given, 'citations'));
  }

  function addOtherInput(to: MessageBlock, text: string): void {
    to.input.add(text);
    to.length += text.length;
    isWithin(budget.arguments(text.length, to.length));
  }

  /** Forwards a block that our stream does not name, with its input in place of the empty one at its beginning. */
  function writeBlock(given: JsonObject, pieces: TextPieces<string>): void {
    const text = pieces.join();
    const input = text.trim() === '' ? undefined : parseJsonExactly(text);
    if (input === undefined && text.trim() !== '') cut('a block whose input is no JSON');
    else if (input === undefined) forward(otherPart(given));
    else forward(otherPart(keepSpellings(given, { ...given, input: input as JsonValue })));
  }

  function endBlock(ended: MessageBlock): void {
    writer.flush();
    const { start, index, input } = ended;
    if (start.type === 'tool_use') ended.call = calls.end(index);
    else if (start.type === 'other') writeBlock(start.block, input);
  }

  function stopBlock(event: JsonObject): void {
    const ended = blocks.stop(asIndex(event['index']));
    if (ended !== undefined) endBlock(ended);
  }

  /** Ends the message. Returns its finish reason, or the failure where the answer is torn. */
  function endMessage(): FinishReason | Failure {
    for (const block of blocks.stopAll()) endBlock(block);
    const called = writer.calls;
    if (!beginning.complete && called === 0) return wrongJoint();
    const given = finishReasonOf(finish.reason ?? '');
    // The reason says that there is a call, and none has come: it was lost.
    if (given === undefined || (given === 'tool_calls' && called === 0)) {
      return unfinished(`stop_reason ${nameOf(finish.reason)} with ${called} tool calls`);
    }
    const torn = calls.finish(given === 'length');
    if (torn !== undefined) return torn;
    const finished = writer.finish(given);
    return 'tornCall' in finished ? tornArguments(finished.tornCall) : finished.reason;
  }

  /** `content` of `message_start` is empty in nearly every stream. Otherwise it holds whole blocks, which later ones follow. */
  function readContent(content: unknown): void {
    for (const one of asList(content)) {
      // Some proxies write the first block here, without its text.
      if (isEmptyBlock(one)) continue;
      usage.outputCame();
      startBlock({ index: begunWith, content_block: one });
      stopBlock({ index: begunWith });
      begunWith += 1;
    }
  }

  function readMessageDelta(event: JsonObject): void {
    usage.take(event['usage']);
    const stop = asObject(event['delta'])?.['stop_reason'];
    if (isReason(stop)) finish.finish(stop);
  }

  /** Reads a message that came whole, with the code that reads its blocks from a stream. */
  function readMessage(message: JsonObject): void {
    const { content } = message;
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    if (!Array.isArray(blocks)) {
      cut('a message whose content is no list');
      return;
    }
    readContent(blocks);
    // After the blocks, because the usage counts them.
    readMessageDelta({ delta: message, usage: message['usage'] ?? null });
  }

  function readError(value: unknown, status = 500): void {
    const reason = failureOfEvent(value, errors(), status);
    output.refuse(prefixEnd === undefined || blocks.begun ? reason : prefillRefused(reason));
  }

  return {
    passesJsonOn: /"input"|"partial_json"\s*:\s*[{[]/,
    mayCarryOutput: (evidence) => carriesOutput.test(evidence) || undefined,
    get state() {
      return stopped && finish.reason !== undefined ? 'settled' : finish.state;
    },
    lastEvent: doneEvent,
    readError,
    readWhole(answer, text) {
      const error = errorIn(answer);
      if (error !== undefined) readError(error, 200);
      else if (answer['type'] === 'message' || Array.isArray(answer['content']))
        readMessage(asObject(parseJsonExactly(text)) ?? answer);
      else return false;
      return true;
    },
    read(event, data) {
      const error = errorIn(event);
      if (error !== undefined) {
        readError(error);
        return;
      }
      switch (event['type']) {
        case 'message':
          readMessage(asObject(parseJsonExactly(data)) ?? event);
          return;
        case 'message_start': {
          const message = asObject(event['message']);
          usage.take(message?.['usage']);
          readContent(asObject(exactly(event, data)['message'])?.['content']);
          return;
        }
        case 'content_block_start':
          usage.outputCame();
          startBlock(exactly(event, data));
          return;
        case 'content_block_delta':
          usage.outputCame();
          addPiece(exactly(event, data));
          return;
        case 'content_block_stop':
          stopBlock(event);
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
      const extra = keepBlocks(blocks.kept());
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

/**
 * The event, parsed again with the spelling of its numbers where it has a block or a citation that is forwarded as it came.
 * Other events have no number that is passed on.
 */
function exactly(event: JsonObject, data: string): JsonObject {
  return mayCarryOther(event) ? (asObject(parseJsonExactly(data)) ?? event) : event;
}

function isThoughtIn(type: string | undefined, { of }: BlockPiece): boolean {
  return type === 'text' && of === 'thinking';
}

function isEmptyBlock(value: JsonValue): boolean {
  const block = asObject(value);
  return block !== undefined && withoutMembers(block, new Set(['type', 'index'])) === undefined;
}

const namedBlocks: ReadonlySet<unknown> = new Set(['text', 'thinking', 'redacted_thinking', 'tool_use']);

function mayCarryOther(event: JsonObject): boolean {
  const block = asObject(event['content_block']);
  if (block !== undefined) return !namedBlocks.has(block['type']) || !isBlank(block['citations']);
  if (asObject(event['delta'])?.['type'] === 'citations_delta') return true;
  return !isBlank(asObject(event['message'])?.['content']);
}

/** The failure for an answer that does not continue the prefix exactly. */
function wrongJoint(): Failure {
  return failure('upstream_cut', 'The upstream did not go on exactly behind the answer so far.');
}
