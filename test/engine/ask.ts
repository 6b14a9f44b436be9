import { decodeJsonText } from '@tailrace/protocol';
import { eachBatch } from '../../packages/server/src/domain/batches.ts';
import type { ChatRequest } from '../../packages/server/src/domain/chat-request.ts';
import { fakeChatRequest } from '../../packages/server/src/domain/fake-chat-request.ts';
import type { StreamEvent } from '../../packages/server/src/domain/stream-event.ts';
import {
  createEngine,
  type Engine,
  type EngineModel,
} from '../../packages/server/src/engine/parent/engine.ts';
import type { Log } from '../../packages/server/src/telemetry/log.ts';

/** An engine with one model, and the process that its log names. */
export interface TestEngine {
  readonly engine: Engine;
  /** The process that runs now. */
  pid(): number;
}

export async function startTestEngine(
  model: EngineModel,
  queue = 32,
  environment: Readonly<Record<string, string>> = {},
  id = 'm',
): Promise<TestEngine> {
  let pid = 0;
  const log: Log = {
    debug(_message, fields) {
      if (typeof fields?.['pid'] === 'number') pid = fields['pid'];
    },
    info() {},
    warn() {},
    error() {},
  };
  const engine = createEngine({ models: new Map([[id, model]]), queue, log, environment });
  const started = await engine.start(AbortSignal.timeout(60_000));
  if (!started.ok) throw new Error(started.failure.message);
  return { engine, pid: () => pid };
}

export interface Outcome {
  /** Of all choices together. */
  readonly text: string;
  readonly events: readonly StreamEvent[];
  /** The finish reason, or the failure's code; undefined where the stream just ended. */
  readonly end: string | undefined;
  readonly usage: {
    readonly promptTokens: number;
    readonly completionTokens: number;
    readonly cachedTokens?: number;
    readonly reasoningTokens?: number;
  };
}

export type Wish = Partial<ChatRequest> & {
  readonly signal?: AbortSignal;
  readonly onText?: () => void;
  readonly prefix?: string;
  readonly keyId?: string;
};

/** A request of one user message, with the fields a test wants to differ. */
export function requestOf(content: string, fields: Partial<ChatRequest> = {}): ChatRequest {
  return fakeChatRequest(content, fields);
}

/** Asks once and reads to the end. */
export async function ask(engine: Engine, content: string, wish: Wish = {}): Promise<Outcome> {
  const { signal = new AbortController().signal, onText, prefix, keyId = 'k', ...fields } = wish;
  const request = requestOf(content, fields);
  const continued = prefix === undefined ? {} : { prefix };
  const [model = ''] = engine.models();
  const stream = engine.open({ request, model, keyId, completionId: 'c', ...continued }, signal);
  const events: StreamEvent[] = [];
  let text = '';
  let end: string | undefined;
  let usage: Outcome['usage'] = { promptTokens: 0, completionTokens: 0 };
  for await (const batch of eachBatch(stream)) {
    for (const event of batch) {
      events.push(event);
      if (event.type === 'text-delta') {
        text += decodeJsonText(event.json);
        onText?.();
      } else if (event.type === 'usage') usage = event.usage;
      else if (event.type === 'finish') end = event.reason;
      else if (event.type === 'failed') end = event.failure.code;
    }
  }
  return { text, events, end, usage };
}

/** The text of one choice. */
export function textOf(events: readonly StreamEvent[], choice: number): string {
  return events
    .map((event) =>
      event.type === 'text-delta' && event.choice === choice ? decodeJsonText(event.json) : '',
    )
    .join('');
}

/** The calls of one choice, their arguments joined. */
export function callsOf(events: readonly StreamEvent[], choice = 0): { name: string; arguments: string }[] {
  const calls: { name: string; arguments: string }[] = [];
  for (const event of events) {
    if (event.type === 'tool-call-start' && event.choice === choice) {
      calls.push({ name: event.name, arguments: '' });
    } else if (event.type === 'tool-call-delta' && event.choice === choice) {
      const last = calls.at(-1);
      if (last !== undefined) last.arguments += decodeJsonText(event.json);
    }
  }
  return calls;
}
