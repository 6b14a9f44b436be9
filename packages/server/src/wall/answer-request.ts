import { faults, findFault, modelPrefix } from './catalogue.ts';
import type { OwnedConnection } from './connection.ts';
import type { AfterPlay, FaultControls } from './fault.ts';
import { errorAnswer, headOf, jsonAnswer } from './http-bytes.ts';
import { answered, refused } from './play-stream.ts';
import type { WallRequest } from './request-reader.ts';
import type { Counters } from './stats.ts';
import { promptDigest, readWallChatRequest, type WallChatRequest } from './wall-chat-request.ts';

/** What all connections of a wall share. */
export interface WallRuntime {
  readonly counters: Counters;
  readonly paceMs: number;
  now(): number;
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  refusePort(): number;
  /** Called with an exception that is a bug of the wall. */
  onBug(error: unknown): void;
}

/**
 * Answers one request; returns `close` where the connection takes no further one. Never rejects: a bug in a fault resets
 * its own connection only.
 */
export async function answerRequest(
  connection: OwnedConnection,
  request: WallRequest,
  runtime: WallRuntime,
): Promise<AfterPlay> {
  try {
    const after = await route(connection, request, runtime);
    return request.keepAlive ? after : 'close';
  } catch (error) {
    runtime.onBug(error);
    connection.reset();
    return 'close';
  }
}

function route(connection: OwnedConnection, request: WallRequest, runtime: WallRuntime): Promise<AfterPlay> {
  const { counters } = runtime;
  switch (`${request.method} ${request.path}`) {
    case 'POST /v1/chat/completions':
    case 'POST /chat/completions':
      return chat(connection, request, runtime);
    case 'GET /v1/models':
    case 'GET /models':
      return answered(connection, jsonAnswer('200 OK', modelList));
    case 'GET /wall/stats': {
      const stats = counters.stats(runtime.refusePort());
      const others = { ...stats, connections_open: stats.connections_open - 1 };
      return answered(connection, jsonAnswer('200 OK', others));
    }
    case 'POST /wall/reset':
      counters.reset();
      return answered(connection, jsonAnswer('200 OK', {}));
    default: {
      const message = `There is no ${request.method.slice(0, 80)} ${request.path.slice(0, 200)} here: POST /v1/chat/completions, GET /v1/models, GET /wall/stats or POST /wall/reset.`;
      const answer = errorAnswer('404 Not Found', 'invalid_request_error', 'unknown_url', message);
      // A body behind the head of an answer to HEAD would be read as the next answer.
      return answered(connection, request.method === 'HEAD' ? headOf(answer) : answer);
    }
  }
}

const modelList = {
  object: 'list',
  data: faults.map(({ name }) => ({
    id: `${modelPrefix}${name}`,
    object: 'model',
    created: 0,
    owned_by: 'wall',
  })),
};

async function chat(
  connection: OwnedConnection,
  request: WallRequest,
  runtime: WallRuntime,
): Promise<AfterPlay> {
  const read = readWallChatRequest(request.body);
  if (!read.ok) return refused(connection, read.badField);
  const { ask } = read;
  const header = request.headers.get('x-wall-fault');
  const named = header ?? faultOfModel(ask);
  if (named === undefined) {
    const message = `Models here are called ${modelPrefix}<fault>, got '${ask.model.slice(0, 80)}'; or name the fault in the header x-wall-fault.`;
    return refuse(connection, '404 Not Found', 'model_not_found', message, 'model');
  }
  const found = findFault(named);
  if (!found.ok) {
    const param = header === undefined ? 'model' : 'x-wall-fault';
    if (found.known) return refused(connection, { param, message: found.message });
    return refuse(connection, '404 Not Found', 'model_not_found', found.message, param);
  }

  const { counters } = runtime;
  const { fault, argument } = found;
  const { asked, withThesePrompts } = counters.asked(fault.name, promptDigest(ask).toString('hex'));
  const controls: FaultControls = {
    ...argument,
    asked,
    askedWithThesePrompts: withThesePrompts,
    serial: counters.nextSerial(),
    paceMs: runtime.paceMs,
    now: runtime.now,
    wait: (milliseconds) => waited(runtime, milliseconds, connection.left),
  };
  counters.inFlight += 1;
  try {
    const after = await fault.play(connection, ask, controls);
    if (connection.leftByPeer()) counters.abortedByPeer(fault.name);
    return after;
  } finally {
    counters.inFlight -= 1;
  }
}

function faultOfModel({ model }: WallChatRequest): string | undefined {
  return model.startsWith(modelPrefix) ? model.slice(modelPrefix.length) : undefined;
}

async function waited(runtime: WallRuntime, milliseconds: number, left: AbortSignal): Promise<boolean> {
  try {
    await runtime.sleep(milliseconds, left);
  } catch {
    // The timer rejects only where the signal aborts, which is checked next.
  }
  return !left.aborted;
}

function refuse(
  connection: OwnedConnection,
  status: string,
  code: string,
  message: string,
  param: string | null = null,
): Promise<AfterPlay> {
  return answered(connection, errorAnswer(status, 'invalid_request_error', code, message, param));
}
