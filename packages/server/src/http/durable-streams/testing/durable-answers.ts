import { createSseDecoder } from '@tailrace/protocol';
import { expect } from 'vitest';
import { failure } from '../../../domain/failure.ts';
import type { StreamWriter } from '../../../journal/contract.ts';
import type { DurableServer } from './durable-server.ts';

/** What a stream of these tests has, in its states. */
export const messages: readonly string[] = ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}'];
export const torn = failure('upstream_cut', 'It was cut.');
export const errorEvent = '{"error":{"code":"upstream_cut"}}';

/** What is known of them from their commit on. */
export const knownHead = { target: 'lab/m', phases: { queueMs: 12, promptMs: 340 } };

/** The states of a stream, with the messages that it has in each. */
export const streamStates = [
  { state: 'before its first event', written: [], closed: false },
  { state: 'running', written: messages, closed: false },
  { state: 'closed whole', written: messages, closed: true },
  { state: 'torn', written: [...messages, errorEvent], closed: true },
  { state: 'torn before any output', written: [errorEvent], closed: true },
] as const;
export type StreamState = (typeof streamStates)[number]['state'];

/** Brings a new stream into this state. */
export async function streamIn(
  server: DurableServer,
  state: StreamState,
): Promise<{ id: string; writer: StreamWriter }> {
  const writer = await server.begin();
  const { id } = writer.view.facts;
  if (state === 'before its first event') return { id, writer };
  if (state !== 'torn before any output') {
    writer.begin(knownHead);
    for (const message of messages) writer.event(message);
  }
  if (state === 'closed whole') writer.end({ type: 'whole', payload: '[DONE]' });
  if (state.startsWith('torn')) writer.end({ type: 'torn', failure: torn, payload: errorEvent });
  return { id, writer };
}

export const offsetOf = (number: number): string => String(number).padStart(12, '0');

/** What the headers of an answer say of its position. */
export function positionOf({ headers }: Response) {
  return {
    next: headers.get('stream-next-offset'),
    upToDate: headers.get('stream-up-to-date') === 'true',
    closed: headers.get('stream-closed') === 'true',
  };
}

export async function codeOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return [response.status, error.code, error.param];
}

export interface Control {
  readonly streamNextOffset: string;
  readonly streamCursor?: string;
  readonly upToDate?: true;
  readonly streamClosed?: true;
}

/** The messages and control events of an SSE body; every array is followed by a control event. */
export function readSse(body: string): { messages: string[]; controls: Control[]; comments: number } {
  const found = { messages: [] as string[], controls: [] as Control[], comments: 0 };
  let waits = false;
  const decoder = createSseDecoder({}, (item) => {
    if (item.type === 'comment') found.comments += 1;
    if (item.type !== 'event') return;
    if (item.event === 'data') {
      expect(waits).toBe(false);
      waits = true;
      found.messages.push(...(JSON.parse(item.data) as unknown[]).map((one) => JSON.stringify(one)));
    } else {
      expect(item.event).toBe('control');
      waits = false;
      found.controls.push(JSON.parse(item.data) as Control);
    }
  });
  decoder.push(new TextEncoder().encode(body));
  decoder.end();
  expect(waits).toBe(false);
  return found;
}
