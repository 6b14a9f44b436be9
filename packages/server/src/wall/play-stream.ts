import type { WallConnection } from './connection.ts';
import type { AfterPlay, FaultControls, Play } from './fault.ts';
import { type HealthyAnswer, healthyAnswer } from './healthy-answer.ts';
import { completionObject, type HealthyStream, healthyStream, inOrder } from './healthy-stream.ts';
import { chunk, errorAnswer, jsonAnswer, lastChunk, streamHead } from './http-bytes.ts';
import type { BadField, WallChatRequest } from './wall-chat-request.ts';

/** The bytes of a stream that a fault sends; each piece is one write. */
export interface StreamPlan {
  /** Default: that of a chunked event stream. */
  readonly head?: string;
  readonly pieces: Iterable<string | Buffer>;
  /** `chunked` (default): each piece is one chunk. `raw`: the pieces are the bytes of the body. */
  readonly framing?: 'chunked' | 'raw';
  /**
   * The least pause after each piece; default 1 ms, so that pieces arrive one by one. 0: as fast as the socket takes them,
   * whatever the wall's pace.
   */
  readonly everyMs?: number;
  readonly end: StreamEnd;
}

export type StreamEnd =
  /** The terminating chunk, in one write with the last piece; the connection stays open. */
  | 'whole'
  /** FIN without a terminating chunk. */
  | 'fin'
  /** RST, once the peer had time to read. */
  | 'reset'
  /** Silence until the peer leaves. */
  | 'hang';

/** Time for the peer to read the bytes before: a reset would discard them. */
const beforeResetMs = 40;
/** So many pieces of a stream keep to the wall's pace; a stream of very many would take minutes. */
const pacedPieces = 64;
/** Longer than any client waits. */
export const forEverMs = 2 ** 30;

/** A fault of streams; a request that does not stream, or that `plan` does not accept, is answered 400. */
export function streamed(
  plan: (stream: HealthyStream, controls: FaultControls, ask: WallChatRequest) => StreamPlan | BadField,
): Play {
  return async (connection, ask, controls) => {
    if (!ask.stream) {
      return refused(connection, {
        param: 'stream',
        message: 'This is a fault of streams: ask with "stream": true.',
      });
    }
    const answer = healthyAnswer(ask, controls.serial, controls.now());
    const planned = plan(healthyStream(ask, answer), controls, ask);
    return 'param' in planned ? refused(connection, planned) : playStream(connection, planned, controls);
  };
}

/** Answers 400 and names the wrong field. */
export function refused(connection: WallConnection, { param, message }: BadField): Promise<AfterPlay> {
  const status = '400 Bad Request';
  return answered(connection, errorAnswer(status, 'invalid_request_error', 'invalid_value', message, param));
}

/** The healthy answer, streaming or not. */
export const playHealthy: Play = async (connection, ask, controls) => {
  const answer: HealthyAnswer = healthyAnswer(ask, controls.serial, controls.now());
  if (!ask.stream) return answered(connection, jsonAnswer('200 OK', completionObject(answer)));
  return playStream(connection, { pieces: inOrder(healthyStream(ask, answer)), end: 'whole' }, controls);
};

/** Sends a whole answer and leaves the connection open. */
export async function answered(connection: WallConnection, bytes: string): Promise<AfterPlay> {
  return (await connection.write(bytes)) ? 'keep' : 'close';
}

export async function playStream(
  connection: WallConnection,
  plan: StreamPlan,
  { wait, paceMs }: Pick<FaultControls, 'wait' | 'paceMs'>,
): Promise<AfterPlay> {
  const { framing = 'chunked', everyMs = 1, end } = plan;
  let written = 0;
  if (!(await connection.write(plan.head ?? streamHead()))) return 'close';
  // One piece is held back, so that the last one can be written together with the end of the body.
  let held: Buffer | undefined;
  for (const piece of plan.pieces) {
    // An empty chunk would end the body.
    if (piece.length === 0) continue;
    if (held !== undefined) {
      if (!(await connection.write(held))) return 'close';
      written += 1;
      const pauseMs = written <= pacedPieces ? Math.max(everyMs, paceMs) : everyMs;
      if (everyMs > 0 && !(await wait(pauseMs))) return 'close';
    }
    held = framing === 'chunked' ? chunk(piece) : Buffer.from(piece);
  }
  const last = held ?? Buffer.alloc(0);
  if (end === 'whole' && framing === 'chunked') {
    return (await connection.write(Buffer.concat([last, Buffer.from(lastChunk)]))) ? 'keep' : 'close';
  }
  if (!(await connection.write(last))) return 'close';
  return endStream(connection, end, wait);
}

async function endStream(
  connection: WallConnection,
  end: StreamEnd,
  wait: FaultControls['wait'],
): Promise<AfterPlay> {
  switch (end) {
    case 'whole':
      return 'keep';
    case 'fin':
      connection.fin();
      return 'close';
    case 'reset':
      if (await wait(beforeResetMs)) connection.reset();
      return 'close';
    case 'hang':
      await wait(forEverMs);
      return 'close';
  }
}
