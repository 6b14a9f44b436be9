import { type FinishReason, jsonText } from '@tailrace/protocol';
import { failure } from '../../domain/failure.ts';
import { createPairHold } from '../../domain/pair-hold.ts';
import type { Usage } from '../../domain/usage.ts';
import type { Dialect, Say } from '../shared/translation.ts';
import { asCount, asRecord, asText } from '../shared/unknown-json.ts';
import { type KeptBlock, keepBlocks } from './assistant-blocks.ts';
import { failureOfEvent } from './errors.ts';

export interface MessageStreamOptions {
  /** Never shown to a client. */
  readonly hidden: readonly string[];
  /** White space cut from the end of a prefix: the answer has to begin with it, and it is not said again. */
  readonly due?: string;
}

/** Events that cannot be read but show output: the names of its fields. */
export const messageOutput = /content_block|"(?:text|thinking|partial_json)"/;

interface OpenBlock {
  readonly index: number;
  readonly kind: 'text' | 'thinking' | 'tool_use' | 'other';
  /** Of a tool call: its place among the calls. */
  readonly call: number;
  readonly kept: KeptBlock | undefined;
  thinking: string;
  signature: string;
  /** UTF-16 units of text. */
  length: number;
  /** Whether the call's arguments have begun. */
  begun: boolean;
  /** Arguments that came whole with the start of the block. */
  readonly input: string;
}

/**
 * Reads the event stream of the Messages API (platform.claude.com/docs/en/build-with-claude/streaming):
 *
 *     message_start  (block_start  block_delta*  block_stop)*  message_delta+  message_stop      ping, error: anywhere
 *
 * `message_delta` carries the stop reason and the final usage together, so nothing has to be held back.
 * Kinds of events, blocks and deltas that nobody here knows are signs of life, as that page asks for.
 */
export function createMessageDialect({ hidden, due = '' }: MessageStreamOptions): Dialect {
  const texts = createPairHold();
  const thoughts = createPairHold();
  const inputs = createPairHold();
  const kept: KeptBlock[] = [];
  let block: OpenBlock | undefined;
  let calls = 0;
  let missing = due;
  let spoken = false;
  let reason: FinishReason | undefined;
  let usage: Readonly<Record<string, unknown>> = {};

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

  function startBlock(event: Readonly<Record<string, unknown>>, say: Say): void {
    if (block !== undefined) stopBlock(say);
    const content = asRecord(event['content_block']);
    const type = asText(content?.['type']);
    const kind = type === 'text' || type === 'thinking' || type === 'tool_use' ? type : 'other';
    const id = asText(content?.['id']);
    const input = asRecord(content?.['input']);
    block = {
      index: asCount(event['index']) ?? 0,
      kind,
      call: calls,
      kept:
        type === 'redacted_thinking'
          ? { type, data: asText(content?.['data']) }
          : type === 'tool_use'
            ? { type, id }
            : undefined,
      thinking: '',
      signature: asText(content?.['signature']),
      length: 0,
      begun: false,
      input: input === undefined || Object.keys(input).length === 0 ? '' : JSON.stringify(input),
    };
    if (kind === 'tool_use') {
      calls += 1;
      say({ type: 'tool-call-start', choice: 0, index: block.call, id, name: asText(content?.['name']) });
    } else if (kind === 'text') delta({ type: 'text_delta', text: content?.['text'] }, say);
    else if (kind === 'thinking') delta({ type: 'thinking_delta', thinking: content?.['thinking'] }, say);
  }

  function delta(piece: Readonly<Record<string, unknown>> | undefined, say: Say): void {
    if (block === undefined) return;
    switch (piece?.['type']) {
      case 'text_delta': {
        const text = asText(piece['text']);
        block.length += text.length;
        sayText(say, texts.take(text));
        return;
      }
      case 'thinking_delta': {
        const text = asText(piece['thinking']);
        block.thinking += text;
        sayThought(say, thoughts.take(text));
        return;
      }
      case 'signature_delta':
        block.signature += asText(piece['signature']);
        return;
      case 'input_json_delta': {
        if (block.kind !== 'tool_use') return; // of a tool that the provider runs itself
        const text = asText(piece['partial_json']);
        block.begun ||= text !== '';
        sayInput(say, block.call, inputs.take(text));
        return;
      }
    }
  }

  function stopBlock(say: Say): void {
    const ended = block;
    if (ended === undefined) return;
    block = undefined;
    sayText(say, texts.flush());
    sayThought(say, thoughts.flush());
    if (ended.kind === 'tool_use') {
      sayInput(say, ended.call, inputs.flush());
      // A call without arguments has no pieces; the protocol wants JSON all the same.
      if (!ended.begun) sayInput(say, ended.call, ended.input === '' ? '{}' : ended.input);
    }
    if (ended.kept !== undefined) kept.push(ended.kept);
    else if (ended.kind === 'text') kept.push({ type: 'text', length: ended.length });
    else if (ended.kind === 'thinking') {
      kept.push({ type: 'thinking', thinking: ended.thinking, signature: ended.signature });
    }
  }

  function refuseJoint(say: Say): void {
    const message = 'The upstream did not go on exactly behind the answer so far.';
    say({ type: 'failed', failure: failure('upstream_cut', message) });
  }

  function messageDelta(event: Readonly<Record<string, unknown>>, say: Say): void {
    usage = { ...usage, ...known(event['usage']) };
    const stop = asRecord(event['delta'])?.['stop_reason'];
    if (typeof stop !== 'string') return;
    if (block !== undefined) stopBlock(say);
    if (missing !== '' && calls === 0) refuseJoint(say);
    reason = finishReason(stop, calls > 0);
    if (reason !== undefined) return;
    const message = 'The upstream stopped without having finished its answer.';
    say({ type: 'failed', failure: failure('upstream_cut', message, { detail: `stop_reason ${stop}` }) });
  }

  return {
    get state() {
      return reason === undefined ? 'open' : 'settled';
    },
    read(event, say) {
      switch (event['type']) {
        case 'message_start':
          usage = { ...usage, ...known(asRecord(event['message'])?.['usage']) };
          return;
        case 'content_block_start':
          startBlock(event, say);
          return;
        case 'content_block_delta':
          if (block === undefined || asCount(event['index']) !== block.index) {
            const message = 'The upstream mixed the blocks of its answer.';
            say({ type: 'failed', failure: failure('upstream_protocol', message) });
          } else delta(asRecord(event['delta']), say);
          return;
        case 'content_block_stop':
          stopBlock(say);
          return;
        case 'message_delta':
          messageDelta(event, say);
          return;
        case 'error':
          say({ type: 'failed', failure: failureOfEvent(event['error'], hidden) });
          return;
      }
    },
    finish(say) {
      const counted = usageOf(usage);
      if (counted !== undefined) say({ type: 'usage', usage: counted });
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
 * `pause_turn` (of tools the provider runs, which nobody asked for here) and what is newer than this list.
 */
function finishReason(stop: string, called: boolean): FinishReason | undefined {
  switch (stop) {
    case 'end_turn':
    case 'stop_sequence':
      return called ? 'tool_calls' : 'stop';
    case 'tool_use':
      return 'tool_calls';
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'refusal':
      return 'content_filter';
    default:
      return undefined;
  }
}

/** `message_delta` repeats counts of `message_start`, some of them as null. */
function known(value: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(asRecord(value) ?? {}).filter(([, count]) => count != null));
}

/** `input_tokens` counts only what no cache held or took in; the three together are the prompt. */
function usageOf(usage: Readonly<Record<string, unknown>>): Usage | undefined {
  const input = asCount(usage['input_tokens']);
  const output = asCount(usage['output_tokens']);
  if (input === undefined || output === undefined) return undefined;
  const cached = asCount(usage['cache_read_input_tokens']);
  const created = asCount(usage['cache_creation_input_tokens']) ?? 0;
  const thinking = asCount(asRecord(usage['output_tokens_details'])?.['thinking_tokens']);
  return {
    promptTokens: input + created + (cached ?? 0),
    completionTokens: output,
    ...(cached === undefined ? {} : { cachedTokens: cached }),
    ...(thinking === undefined || thinking > output ? {} : { reasoningTokens: thinking }),
  };
}
