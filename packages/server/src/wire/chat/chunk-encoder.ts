import { asciiJson, asciiOnly, type JsonText, type UsageWire } from '@tailrace/protocol';
import { assertNever } from '../../domain/assert-never.ts';
import { writeExactly } from '../../domain/exact-json.ts';
import type { Failure } from '../../domain/failure.ts';
import type { FinishEvent, TextDelta } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import type {
  AnswerEvent,
  PayloadReceiver,
  RunIdentity,
  ServedIdentity,
  StreamEncoder,
} from '../contract.ts';
import { errorPayload } from '../error-reply.ts';
import { usageWire } from './usage-wire.ts';

/**
 * Where usage goes. `inline`: on the last finish chunk, always. `separate`: OpenAI's own form, a last chunk with `choices: []`,
 * and `usage: null` on all others. `none`: OpenAI's form where the request did not set `include_usage`.
 */
export type UsageForm = 'inline' | 'separate' | 'none';

/**
 * Events → payloads of a chat stream. A payload is a prepared prefix, the delta's escaped text as it came, and a suffix:
 * a text delta is neither parsed nor serialised (0.1 µs against 0.8 µs).
 */
export function createChunkEncoder(run: RunIdentity, choices: number, form: UsageForm): StreamEncoder {
  return new ChunkEncoder(run, choices, form);
}

/** The fields by which a chunk or a completion names itself. */
export interface CompletionIdentity extends ServedIdentity {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
}

export function identityOf({ id, createdAtMs }: RunIdentity, served: ServedIdentity): CompletionIdentity {
  return { ...served, id, created: Math.floor(createdAtMs / 1_000) };
}

/** The beginning of a chunk or a completion, up to its `choices`. */
export function headJson(object: string, identity: CompletionIdentity): string {
  return (
    `{"id":${asciiJson(identity.id)},"object":"${object}","created":${identity.created}` +
    `,"model":${asciiJson(identity.model)},"system_fingerprint":${asciiJson(identity.fingerprint)}`
  );
}

const choicesBegin = ',"choices":[{"index":';
const firstContentBegin = '0,"delta":{"content":"';
const plain = endOf('}');
const withNullUsage = endOf(',"usage":null}');

function endOf(tail: string): { readonly tail: string; readonly suffix: string } {
  return { tail, suffix: `},"logprobs":null,"finish_reason":null}]${tail}` };
}

class ChunkEncoder implements StreamEncoder {
  readonly end = '[DONE]';
  /** Everything before the text of a content delta of choice 0: most streams have no other choice. */
  private firstContent = '';
  /** Its beginning, up to the index of the choice. */
  private prefix = '';
  /** Shared by all streams of this form: a string for each of thousands of streams would take memory. */
  private readonly suffix: string;
  private readonly tail: string;
  private readonly run: RunIdentity;
  private readonly form: UsageForm;
  private readonly choices: number;
  private finished: Set<number> | undefined;
  private usage: Usage | undefined;

  constructor(run: RunIdentity, choices: number, form: UsageForm) {
    const { tail, suffix } = form === 'separate' ? withNullUsage : plain;
    this.tail = tail;
    this.suffix = suffix;
    this.run = run;
    this.form = form;
    this.choices = choices;
  }

  begin(served: ServedIdentity, to: PayloadReceiver): void {
    const head = headJson('chat.completion.chunk', identityOf(this.run, served));
    const prefixLength = head.length + choicesBegin.length;
    // `join` makes one flat string, and a slice shares it: a text that is put together with `+` stays a chain of its parts.
    this.firstContent = [head, choicesBegin, firstContentBegin].join('');
    this.prefix = this.firstContent.slice(0, prefixLength);
    for (let choice = 0; choice < this.choices; choice += 1) {
      to.event(this.deltaChunk(choice, '"role":"assistant","content":""'));
    }
  }

  fail(reason: Failure): string {
    return errorPayload(reason, this.run.requestId);
  }

  keepalive(): string {
    let choice = 0;
    while (this.finished?.has(choice) === true) choice += 1;
    return this.deltaChunk(choice, '"content":""');
  }

  encode(event: AnswerEvent, to: PayloadReceiver): void {
    switch (event.type) {
      case 'text-delta':
        to.event(this.contentChunk(event));
        return;
      case 'start':
        return;
      case 'usage':
        this.usage = event.usage;
        return;
      case 'reasoning-delta':
        to.event(this.textChunk(event.choice, 'reasoning_content', event.json));
        return;
      case 'refusal-delta':
        to.event(this.textChunk(event.choice, 'refusal', event.json));
        return;
      case 'tool-call-start': {
        const call = {
          index: event.index,
          id: event.id,
          type: 'function',
          function: { name: event.name, arguments: '' },
          ...(event.extra === undefined ? {} : { extra_content: event.extra }),
        };
        to.event(this.deltaChunk(event.choice, `"tool_calls":[${asciiOnly(writeExactly(call))}]`));
        return;
      }
      case 'tool-call-delta': {
        const call = `{"index":${event.index},"function":{"arguments":"${event.json}"}}`;
        to.event(this.deltaChunk(event.choice, `"tool_calls":[${call}]`));
        return;
      }
      case 'other-delta':
        to.event(this.deltaChunk(event.choice, `${asciiJson(event.field)}:${event.value}`));
        return;
      case 'finish':
        this.finish(event, to);
        return;
      default:
        assertNever(event);
    }
  }

  private contentChunk({ choice, json, logprobs }: TextDelta): string {
    if (logprobs !== undefined) {
      const logprobsJson = asciiJson({ content: logprobs, refusal: null });
      const delta = `"delta":{"content":"${json}"},"logprobs":${logprobsJson}`;
      return `${this.prefix}${choice},${delta},"finish_reason":null}]${this.tail}`;
    }
    if (choice === 0) return `${this.firstContent}${json}"${this.suffix}`;
    return this.textChunk(choice, 'content', json);
  }

  private textChunk(choice: number, field: string, json: JsonText): string {
    return this.deltaChunk(choice, `"${field}":"${json}"`);
  }

  private deltaChunk(choice: number, delta: string): string {
    return `${this.prefix}${choice},"delta":{${delta}${this.suffix}`;
  }

  private finish({ choice, reason, extra }: FinishEvent, to: PayloadReceiver): void {
    this.finished ??= new Set();
    this.finished.add(choice);
    if (extra !== undefined) {
      to.event(this.deltaChunk(choice, `"content":"","extra_content":${asciiOnly(writeExactly(extra))}`));
    }
    const last = this.finished.size === this.choices;
    const wire = last && this.usage !== undefined ? usageWire(this.usage) : undefined;
    const chunk = `${this.prefix}${choice},"delta":{},"logprobs":null,"finish_reason":"${reason}"}]`;
    to.event(chunk + (this.form === 'inline' ? inlineUsage(wire) : this.tail));
    if (this.form === 'separate' && wire !== undefined) {
      const head = this.prefix.slice(0, -choicesBegin.length);
      to.event(`${head},"choices":[],"usage":${asciiJson(wire)}}`);
    }
  }
}

function inlineUsage(wire: UsageWire | undefined): string {
  return wire === undefined ? '}' : `,"usage":${asciiJson(wire)}}`;
}
