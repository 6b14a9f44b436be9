import type { SseItem } from '@tailrace/protocol';
import type { Asked, Connection } from '../api/connection.ts';
import { brokenOff, connectionLost, foreignAnswer, type PageFailure } from '../api/failure.ts';
import { parsed } from '../api/json.ts';
import { readEvents } from '../api/read-events.ts';
import type { OpenAnswer } from './answer.ts';
import type { LiveCompletion } from './chat-state.ts';
import type { RequestBody } from './request-body.ts';
import { eventsAfter, readStreamItem, streamPathIn } from './stream-address.ts';
import type { WireLog } from './wire-log.ts';
import { wiredConnection } from './wired-connection.ts';

export interface RunParts {
  readonly connection: Connection;
  readonly answer: OpenAnswer;
  readonly wire: WireLog;
  readonly signal: AbortSignal;
  /** Called for each connection. Its signal breaks this connection and leaves the run. Default: nothing breaks it. */
  nextConnection?(): AbortSignal;
  now(): number;
  wait(ms: number): Promise<void>;
  /** Called when the head has come: from now on the answer can be picked up by this id, and at this address without the key. */
  onBegin(completionId: string, streamPath: string | undefined): void;
  /** Called after each thing that came. */
  onMore(): void;
}

/** Times that a broken connection is picked up again without anything new from it. */
const maxTries = 4;
const retryMs = 400;

/** Sends the request and reads its answer to the end; the result is its failure, if any. Rejects when the signal aborts it. */
export async function runCompletion(parts: RunParts, body: RequestBody): Promise<PageFailure | undefined> {
  const { connection, answer, wire, now } = parts;
  const streams = body['stream'] === true;
  const asked = await wiredConnection(connection, wire, now).ask('/v1/chat/completions', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      // The server keeps the stream, so that a reload or a broken connection picks it up where it was.
      ...(streams ? { 'tailrace-resumable': 'true' } : {}),
    },
    body: JSON.stringify(body),
    signal: ownSignal(parts),
  });
  if (!asked.ok) return asked.failure;
  const response = asked.value;
  answer.readHead(response.headers);
  const completionId = response.headers.get('tailrace-completion-id') ?? undefined;
  if (completionId !== undefined)
    parts.onBegin(completionId, streamPathIn(response.headers.get('tailrace-stream-url')));
  if (!streams) {
    const text = await readText(response, parts);
    if (text === undefined) return brokenOff;
    wire.add('body', '', text, parts.now());
    answer.take(parsed(text), parts.now());
    parts.onMore();
    return answer.isWhole() ? undefined : (answer.failure() ?? foreignAnswer);
  }
  if (completionId === undefined) return await readAndFollow(parts, response, undefined);
  const failure = await readAndFollow(parts, response, { completionId });
  if (response.headers.get('tailrace-target') === null) await askBeginning(parts, completionId);
  return failure;
}

/** The end of an answer waits for so long for how it began. */
const beginningMs = 2_000;

/** A head that left before the first output could not say how the answer began: the kept stream can. Without an answer it stays unknown. */
async function askBeginning({ connection, answer, signal }: RunParts, completionId: string): Promise<void> {
  const asked = await connection
    .ask(`/v1/streams/${encodeURIComponent(completionId)}`, {
      method: 'HEAD',
      signal: AbortSignal.any([signal, AbortSignal.timeout(beginningMs)]),
    })
    // Late, or the page was stopped: its answer is all there.
    .catch(() => undefined);
  if (asked?.ok === true) answer.readBeginning(asked.value.headers);
}

/** Reads an answer that another load of this page has begun, from its first event on. */
export async function resumeCompletion(parts: RunParts, live: Picked): Promise<PageFailure | undefined> {
  return await readAndFollow(parts, undefined, live);
}

/** Ends a completion on the server, which would go on without its reader. */
export async function endCompletion(
  connection: Connection,
  { completionId, streamPath }: Picked,
): Promise<void> {
  if (streamPath !== undefined) await connection.ask(streamPath, { method: 'DELETE' });
  else
    await connection.ask(`/v1/chat/completions/${encodeURIComponent(completionId)}/cancel`, {
      method: 'POST',
    });
}

async function readAndFollow(
  parts: RunParts,
  begun: Response | undefined,
  live: Picked | undefined,
): Promise<PageFailure | undefined> {
  const { answer, signal, wire, now } = parts;
  const connection = wiredConnection(parts.connection, wire, now);
  const reading: Reading = { lastId: '0', isDone: false, brokeMs: undefined };
  let picked = live;
  let response = begun;
  let tries = 0;
  for (;;) {
    if (response !== undefined) {
      const before = reading.lastId;
      const take = picked?.streamPath === undefined ? takeItem : takeStreamItem;
      await readEvents(
        response,
        (item) => take(parts, reading, item),
        (bytes) => wire.addBytes(bytes, now()),
      ).catch((error: unknown) => {
        if (signal.aborted) throw error;
      });
      const failure = answer.failure();
      if (failure !== undefined) return failure;
      // A signed address has no `[DONE]`: a stream that ends there without a finish has failed.
      if (reading.isDone)
        return picked?.streamPath === undefined || answer.isWhole() ? undefined : connectionLost;
      reading.brokeMs ??= now();
      if (reading.lastId !== before) tries = 0;
    }
    if (picked === undefined || tries >= maxTries) return connectionLost;
    if (tries > 0 || response !== undefined) await parts.wait(retryMs);
    tries += 1;
    const asked = await connection
      .ask(eventsAfter(picked, reading.lastId), { signal: ownSignal(parts) })
      .catch((error: unknown): Asked<Response> => {
        if (signal.aborted) throw error;
        return { ok: false, failure: connectionLost };
      });
    if (!asked.ok && asked.status !== undefined && picked.streamPath !== undefined) {
      // Its time is over, or its secret was replaced: the key may still read the stream.
      picked = { completionId: picked.completionId };
      continue;
    }
    // A refusal with a status is the server's word; without one the connection may come back.
    if (!asked.ok && asked.status !== undefined) return asked.failure;
    if (asked.ok && asked.value.status === 204) return answer.isWhole() ? undefined : connectionLost;
    response = asked.ok ? asked.value : undefined;
  }
}

/** The whole body of an answer that does not stream; undefined where it broke off. */
async function readText(response: Response, { wire, now, signal }: RunParts): Promise<string | undefined> {
  const body = await response.arrayBuffer().catch((error: unknown) => {
    if (signal.aborted) throw error;
  });
  if (body === undefined) return undefined;
  const bytes = new Uint8Array(body);
  wire.addBytes(bytes, now());
  return new TextDecoder().decode(bytes);
}

/** By what a completion is picked up again. */
type Picked = Pick<LiveCompletion, 'completionId' | 'streamPath'>;

interface Reading {
  lastId: string;
  /** `[DONE]` has come. */
  isDone: boolean;
  /** When the connection broke; undefined once something has come after that. */
  brokeMs: number | undefined;
}

/** Aborts with the run, and with its connection alone. */
function ownSignal({ signal, nextConnection }: RunParts): AbortSignal {
  return nextConnection === undefined ? signal : AbortSignal.any([signal, nextConnection()]);
}

function takeItem({ wire, answer, now, onMore }: RunParts, reading: Reading, item: SseItem): void {
  if (item.type === 'comment') wire.add('comment', '', item.text.trim(), now());
  if (item.type === 'event') {
    wire.add('event', item.lastEventId, item.data, now());
    if (reading.brokeMs !== undefined) {
      answer.pickedUp(now() - reading.brokeMs, Number(item.lastEventId) === Number(reading.lastId) + 1);
      reading.brokeMs = undefined;
    }
    if (item.lastEventId !== '') reading.lastId = item.lastEventId;
    if (item.data === '[DONE]') reading.isDone = true;
    else answer.take(parsed(item.data), now());
  }
  onMore();
}

/** The same events, as a signed address has them. */
function takeStreamItem({ wire, answer, now, onMore }: RunParts, reading: Reading, item: SseItem): void {
  if (item.type === 'comment') wire.add('comment', '', item.text.trim(), now());
  const { messages, ended } = readStreamItem(item);
  for (const message of messages) {
    reading.lastId = String(Number(reading.lastId) + 1);
    wire.add('event', reading.lastId, JSON.stringify(message), now());
    answer.take(message, now());
  }
  if (ended) reading.isDone = true;
  onMore();
}
