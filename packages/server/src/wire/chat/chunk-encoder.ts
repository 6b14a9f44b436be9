import { asciiJson, type FinishReason, type JsonText, sseData, type UsageWire } from '@tailrace/protocol';
import { assertNever } from '../../domain/assert-never.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { FailedEvent, StreamEvent } from '../../domain/stream-event.ts';
import type { Usage } from '../../domain/usage.ts';
import { usageWire } from './usage-wire.ts';

/** What stays the same on every chunk of a stream. */
export interface StreamIdentity {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  /** The id or alias asked for; after a failover before commit the fallback's id. */
  readonly model: string;
  readonly fingerprint: string;
}

/**
 * Where usage goes. `inline`: on the last finish chunk, always. `separate`: OpenAI's other form, a last
 * chunk with `choices: []`, and `usage: null` on all others. `none`: the other form when the request did
 * not set `include_usage`.
 */
export type UsageForm = 'inline' | 'separate' | 'none';

type Write = (frame: string) => void;

/**
 * Events → frames of the default stream. A frame is a prepared prefix, the delta's text as it travelled,
 * and a suffix: nothing is parsed or serialised for a text delta (0.1 µs against 0.8 µs).
 */
export interface ChunkEncoder {
  /** The role chunks, one per choice in order; they go out before anything else does. */
  roles(): string[];
  /** Writes the frames of one event; none for `start` and `usage`. */
  encode(event: Exclude<StreamEvent, FailedEvent>, write: Write): void;
  /** A keepalive that clients without comments understand. Only after the role chunks. */
  keepalive(): string;
}

export function createChunkEncoder(identity: StreamIdentity, choices: number, form: UsageForm): ChunkEncoder {
  const head =
    `{"id":${asciiJson(identity.id)},"object":"chat.completion.chunk","created":${identity.created}` +
    `,"model":${asciiJson(identity.model)},"system_fingerprint":${asciiJson(identity.fingerprint)}`;
  const prefix = `data: ${head},"choices":[{"index":`;
  const tail = form === 'separate' ? ',"usage":null}\n\n' : '}\n\n';
  const suffix = `},"logprobs":null,"finish_reason":null}]${tail}`;

  let usage: Usage | undefined;
  let unfinished = choices;
  const finished = new Set<number>();

  const deltaFrame = (choice: number, delta: string) => `${prefix}${choice},"delta":{${delta}${suffix}`;
  const textFrame = (choice: number, field: string, json: JsonText) =>
    `${prefix}${choice},"delta":{"${field}":"${json}"${suffix}`;

  const finishFrames = (
    choice: number,
    reason: FinishReason,
    extra: JsonObject | undefined,
    write: Write,
  ): void => {
    unfinished -= 1;
    finished.add(choice);
    if (extra !== undefined) {
      write(deltaFrame(choice, `"content":"","extra_content":${asciiJson(extra)}`));
    }
    const last = unfinished === 0;
    const wire = last && usage !== undefined ? usageWire(usage) : undefined;
    const frame = `${prefix}${choice},"delta":{},"logprobs":null,"finish_reason":"${reason}"}]`;
    write(frame + (form === 'inline' ? inlineUsage(wire) : tail));
    if (form === 'separate' && wire !== undefined) {
      write(sseData(`${head},"choices":[],"usage":${asciiJson(wire)}}`));
    }
  };

  return {
    roles: () =>
      Array.from({ length: choices }, (_, choice) => deltaFrame(choice, '"role":"assistant","content":""')),
    keepalive: () => {
      let choice = 0;
      while (finished.has(choice)) choice += 1;
      return deltaFrame(choice, '"content":""');
    },
    encode: (event, write) => {
      switch (event.type) {
        case 'start':
          return;
        case 'usage':
          usage = event.usage;
          return;
        case 'text-delta':
          if (event.logprobs !== undefined) {
            const logprobs = asciiJson({ content: event.logprobs });
            const delta = `"delta":{"content":"${event.json}"},"logprobs":${logprobs}`;
            return write(`${prefix}${event.choice},${delta},"finish_reason":null}]${tail}`);
          }
          return write(textFrame(event.choice, 'content', event.json));
        case 'reasoning-delta':
          return write(textFrame(event.choice, 'reasoning_content', event.json));
        case 'refusal-delta':
          return write(textFrame(event.choice, 'refusal', event.json));
        case 'tool-call-start': {
          const call = {
            index: event.index,
            id: event.id,
            type: 'function',
            function: { name: event.name, arguments: '' },
            ...(event.extra === undefined ? {} : { extra_content: event.extra }),
          };
          return write(deltaFrame(event.choice, `"tool_calls":[${asciiJson(call)}]`));
        }
        case 'tool-call-delta': {
          const call = `{"index":${event.index},"function":{"arguments":"${event.json}"}}`;
          return write(deltaFrame(event.choice, `"tool_calls":[${call}]`));
        }
        case 'finish':
          return finishFrames(event.choice, event.reason, event.extra, write);
        default:
          return assertNever(event);
      }
    },
  };
}

function inlineUsage(wire: UsageWire | undefined): string {
  return wire === undefined ? '}\n\n' : `,"usage":${asciiJson(wire)}}\n\n`;
}
