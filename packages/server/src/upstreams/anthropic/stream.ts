import type { FinishReason } from '@tailrace/protocol';
import { type Failure, failure } from '../../domain/failure.ts';
import { generatedCallId } from '../../domain/generated-call-id.ts';
import { isBlank, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { keepSpellings } from '../../domain/spellings.ts';
import { createTextPieces, type TextPieces } from '../../domain/text-pieces.ts';
import { slicesOf } from '../../domain/text-slices.ts';
import { nameOf } from '../../telemetry/wording.ts';
import { type ChoiceWriter, createChoiceWriter } from '../choice-writer.ts';
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
  writeOther,
} from '../http/answer/other-output.ts';
import { createRepeatedBeginning, type RepeatedBeginning } from '../http/answer/repeated-beginning.ts';
import { type CallPiece, createToolCalls, type ToolCalls } from '../http/answer/tool-calls.ts';
import type { ErrorContext } from '../http/refusal/refusal.ts';
import { errorIn } from '../http/refusal/upstream-error.ts';
import { asIndex, asList, asObject, parseJsonExactly } from '../http/unknown-json.ts';
import { keepBlocks } from './assistant-blocks.ts';
import { type BlockPiece, decodeBlock, decodePiece, exactly, isEmptyBlock } from './content-blocks.ts';
import { failureOfEvent, prefillRefused, wrongJoint } from './errors.ts';
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

const passesJsonOn = /"input"|"partial_json"\s*:\s*[{[]/;

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
export function createMessageDialect(options: MessageStreamOptions, output: DialectOutput): Dialect {
  return new MessageDialect(options, output);
}

/** One object, because a dialect lives as long as its stream. */
class MessageDialect implements Dialect {
  readonly passesJsonOn = passesJsonOn;
  readonly lastEvent = doneEvent;
  private readonly options: MessageStreamOptions;
  private readonly output: DialectOutput;
  private readonly writer: ChoiceWriter;
  private readonly budget = createAnswerBudget();
  private readonly blocks = new MessageBlocks();
  private readonly heldFinish = new HeldFinish<string>();
  private readonly usage = new MessageUsage();
  /** Made with the first call. */
  private calls: ToolCalls | undefined;
  private readonly beginning: RepeatedBeginning;
  /** The places of the blocks whose text, and whose thought, came last. */
  private readonly last = { text: 0, thinking: 0 };
  /** The number of blocks in `message_start`. */
  private begunWith = 0;
  /** An event other than a ping was read. */
  private started = false;
  private stopped = false;

  constructor(options: MessageStreamOptions, output: DialectOutput) {
    this.options = options;
    this.output = output;
    this.writer = createChoiceWriter({ choice: 0 }, output);
    this.beginning = createRepeatedBeginning(options.prefixEnd ?? '');
  }

  get state(): Dialect['state'] {
    return this.stopped && this.heldFinish.reason !== undefined ? 'settled' : this.heldFinish.state;
  }

  mayCarryOutput(evidence: string): boolean | undefined {
    return carriesOutput.test(evidence) || undefined;
  }

  readError(value: unknown, status = 500): void {
    const { errors, prefixEnd } = this.options;
    const reason = failureOfEvent(value, errors(), status);
    this.output.refuse(prefixEnd === undefined || this.blocks.begun ? reason : prefillRefused(reason));
  }

  readWhole(answer: JsonObject, text: string): boolean {
    const error = errorIn(answer);
    if (error !== undefined) this.readError(error, 200);
    else if (answer['type'] === 'message' || Array.isArray(answer['content']))
      this.readMessage(asObject(parseJsonExactly(text)) ?? answer);
    else return false;
    return true;
  }

  read(event: JsonObject, data: string): void {
    const error = errorIn(event);
    if (error !== undefined) {
      this.readError(error);
      return;
    }
    const isFirst = !this.started && event['type'] !== 'ping';
    this.started ||= isFirst;
    switch (event['type']) {
      case 'message':
        this.readMessage(asObject(parseJsonExactly(data)) ?? event);
        return;
      case 'message_start': {
        const message = asObject(event['message']);
        this.usage.take(message?.['usage']);
        if (isFirst) this.start();
        this.readContent(asObject(exactly(event, data)['message'])?.['content']);
        return;
      }
      case 'content_block_start':
        this.usage.outputCame();
        this.startBlock(exactly(event, data));
        return;
      case 'content_block_delta':
        this.usage.outputCame();
        this.addPiece(exactly(event, data));
        return;
      case 'content_block_stop':
        this.stopBlock(event);
        return;
      case 'message_delta':
        this.readMessageDelta(event);
        return;
      case 'message_stop':
        this.stopped = true;
    }
  }

  finish(): Failure | undefined {
    const reason = this.endMessage();
    if (typeof reason === 'object') return reason;
    const counted = this.usage.usage();
    if (counted !== undefined) this.output.emit({ type: 'usage', usage: counted });
    const extra = keepBlocks(this.blocks.kept());
    this.output.emit({ type: 'finish', choice: 0, reason, ...(extra === undefined ? {} : { extra }) });
    return undefined;
  }

  /** The prompt is counted before the answer: a cut answer has no other report of it. */
  private start(): void {
    const { promptTokens = 0, cachedTokens, cacheWriteTokens } = this.usage.usage() ?? {};
    if (promptTokens === 0) return;
    this.output.emit({
      type: 'start',
      promptTokens,
      ...(cachedTokens === undefined ? {} : { cachedTokens }),
      ...(cacheWriteTokens === undefined ? {} : { cacheWriteTokens }),
    });
  }

  private cut(what: string): void {
    this.output.fail(unreadable(what));
  }

  /** Tears the answer where it exceeds its budget. Returns false then. */
  private isWithin(tooMuch: Failure | undefined): boolean {
    if (tooMuch !== undefined) this.output.fail(tooMuch);
    return tooMuch === undefined;
  }

  private addCall(piece: CallPiece): Failure | undefined {
    const { budget, writer } = this;
    this.calls ??= createToolCalls({
      makeId: (call) => generatedCallId(this.options.completionId, 0, call),
      budget,
      writer,
      wholeNames: true,
      hasEnds: true,
    });
    return this.calls.add(piece);
  }

  private addInput(index: number, text: string): void {
    if (text !== '') this.heldFinish.output();
    this.isWithin(this.addCall({ index, arguments: text }));
  }

  private forward(other: OtherField): void {
    const { writer, budget } = this;
    const wrong = writeOther(other, { writer, budget, hidden: this.options.errors().hidden });
    if (wrong === undefined) this.heldFinish.output();
    else this.output.fail(wrong);
  }

  private startBlock(event: JsonObject): void {
    const content = event['content_block'];
    const start = decodeBlock(content);
    if ('unreadable' in start) {
      this.cut(start.unreadable);
      return;
    }
    const index = asIndex(event['index']) ?? 0;
    if (index < this.begunWith) {
      this.cut('a block with the index of a block in message_start');
      return;
    }
    for (const before of this.blocks.stopBefore(index)) this.endBlock(before);
    this.writer.flush();
    const block = this.blocks.begin(start, index);
    if (!this.isWithin(this.budget.extra(blockLength))) return;
    switch (start.type) {
      case 'text':
        this.addText(block, start.text);
        this.addCitations(content);
        return;
      case 'thinking':
        this.addSignature(block, start.signature);
        this.addThought(block, start.thinking);
        return;
      case 'tool_use': {
        const { id, name, input } = start;
        const given = id === '' ? {} : { id: usableCallId(id) };
        this.heldFinish.output();
        this.isWithin(this.addCall({ index, name, arguments: input, ...given }));
        return;
      }
      case 'redacted_thinking':
        this.isWithin(this.budget.extra(start.data.length));
        return;
      case 'other':
        // Its output is forwarded when it is complete; until then a finish is doubtful.
        this.heldFinish.output();
    }
  }

  private addText(to: MessageBlock, text: string): void {
    if (text !== '') this.heldFinish.output();
    if (text !== '' && !this.isInOrder(to, 'text')) return;
    to.length += text.length;
    const added = this.beginning.take(text);
    if (added === undefined) this.output.fail(wrongJoint());
    else for (const slice of slicesOf(added)) this.writer.text(slice);
  }

  /** Tears the answer where the texts of two blocks take turns, because ours is one text. Returns false then. */
  private isInOrder({ place }: MessageBlock, type: 'text' | 'thinking'): boolean {
    const isLate = place < this.last[type];
    if (isLate)
      this.output.fail(failure('upstream_protocol', 'The upstream mixed the blocks of its answer.'));
    this.last[type] = Math.max(place, this.last[type]);
    return !isLate;
  }

  private addThought(to: MessageBlock, text: string): void {
    if (text !== '') {
      this.heldFinish.output();
      this.usage.reasoningCame();
    }
    if (text !== '' && !this.isInOrder(to, 'thinking')) return;
    to.thinking ??= createTextPieces();
    to.thinking.add(text);
    if (!this.isWithin(this.budget.extra(text.length))) return;
    for (const slice of slicesOf(text)) this.writer.reasoning(slice);
  }

  private addSignature(to: MessageBlock, text: string): void {
    to.signature ??= createTextPieces();
    to.signature.add(text);
    this.isWithin(this.budget.extra(text.length));
  }

  private addPiece(event: JsonObject): void {
    const piece = decodePiece(event['delta']);
    if ('unreadable' in piece) {
      this.cut(piece.unreadable);
      return;
    }
    const index = asIndex(event['index']);
    const block = this.blocks.find(index);
    const type = block?.start.type;
    if (piece.of === 'citation') {
      if (type === undefined || type === 'text') this.forward(otherItem('citations', piece.citation));
      else this.cut(`a citation in a block of ${type}`);
    } else if (piece.of === 'tool_use') this.addInputTo(block, piece.text);
    else if (block !== undefined && type === piece.of) this.addTo(block, piece);
    // The type of a piece and that of its block disagree. Only a thought in a text is certainly what it says.
    else if (
      block !== undefined &&
      (index ?? block.index) === block.index &&
      !(type === 'text' && piece.of === 'thinking')
    )
      this.cut(`a delta of ${piece.of} in a block of ${type}`);
    else this.addTo(this.loose(piece.of), piece);
  }

  /** The block for a piece that fits no open block. */
  private loose(type: 'text' | 'thinking'): MessageBlock {
    const last = this.blocks.last(type);
    if (last !== undefined) return last;
    this.isWithin(this.budget.extra(blockLength));
    return this.blocks.begin(type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' });
  }

  private addTo(to: MessageBlock, { of, text, signs }: BlockPiece): void {
    if (signs) this.addSignature(to, text);
    else if (of === 'text') this.addText(to, text);
    else this.addThought(to, text);
  }

  private addInputTo(to: MessageBlock | undefined, text: string): void {
    if (to?.start.type === 'tool_use') this.addInput(to.index, text);
    else if (to?.start.type === 'other') this.addOtherInput(to, text);
    else if (text !== '')
      this.cut(`a delta of tool_use in ${to === undefined ? 'no block' : `a block of ${to.start.type}`}`);
  }

  /** The citations that a text block already has at its beginning. */
  private addCitations(content: unknown): void {
    const given = asObject(content);
    if (given !== undefined && !isBlank(given['citations'])) this.forward(otherField(given, 'citations'));
  }

  private addOtherInput(to: MessageBlock, text: string): void {
    to.input ??= createTextPieces();
    to.input.add(text);
    to.length += text.length;
    this.isWithin(this.budget.arguments(text.length, to.length));
  }

  /** Forwards a block that our stream does not name, with its input in place of the empty one at its beginning. */
  private writeBlock(given: JsonObject, pieces: TextPieces<string> | undefined): void {
    const text = pieces?.join() ?? '';
    const input = text.trim() === '' ? undefined : parseJsonExactly(text);
    if (input === undefined && text.trim() !== '') this.cut('a block whose input is no JSON');
    else if (input === undefined) this.forward(otherPart(given));
    else this.forward(otherPart(keepSpellings(given, { ...given, input: input as JsonValue })));
  }

  private endBlock(ended: MessageBlock): void {
    this.writer.flush();
    const { start, index, input } = ended;
    if (start.type === 'tool_use') ended.call = this.calls?.end(index);
    else if (start.type === 'other') this.writeBlock(start.block, input);
  }

  private stopBlock(event: JsonObject): void {
    const ended = this.blocks.stop(asIndex(event['index']));
    if (ended !== undefined) this.endBlock(ended);
  }

  /** Ends the message. Returns its finish reason, or the failure where the answer is torn. */
  private endMessage(): FinishReason | Failure {
    for (const block of this.blocks.stopAll()) this.endBlock(block);
    const called = this.writer.calls;
    if (!this.beginning.complete && called === 0) return wrongJoint();
    const given = finishReasonOf(this.heldFinish.reason ?? '');
    // The reason says that there is a call, and none has come: it was lost.
    if (given === undefined || (given === 'tool_calls' && called === 0)) {
      return unfinished(`stop_reason ${nameOf(this.heldFinish.reason)} with ${called} tool calls`);
    }
    const torn = this.calls?.finish(given === 'length');
    if (torn !== undefined) return torn;
    const finished = this.writer.finish(given);
    return 'tornCall' in finished ? tornArguments(finished.tornCall) : finished.reason;
  }

  /** `content` of `message_start` is empty in nearly every stream. Otherwise it holds whole blocks, which later ones follow. */
  private readContent(content: unknown): void {
    for (const one of asList(content)) {
      // Some proxies write the first block here, without its text.
      if (isEmptyBlock(one)) continue;
      this.usage.outputCame();
      this.startBlock({ index: this.begunWith, content_block: one });
      this.stopBlock({ index: this.begunWith });
      this.begunWith += 1;
    }
  }

  private readMessageDelta(event: JsonObject): void {
    this.usage.take(event['usage']);
    const stop = asObject(event['delta'])?.['stop_reason'];
    if (isReason(stop)) this.heldFinish.finish(stop);
  }

  /** Reads a message that came whole, with the code that reads its blocks from a stream. */
  private readMessage(message: JsonObject): void {
    const { content } = message;
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    if (!Array.isArray(blocks)) {
      this.cut('a message whose content is no list');
      return;
    }
    this.readContent(blocks);
    // After the blocks, because the usage counts them.
    this.readMessageDelta({ delta: message, usage: message['usage'] ?? null });
  }
}
