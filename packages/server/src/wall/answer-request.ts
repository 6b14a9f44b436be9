import { faults, findFault, modelPrefix } from './catalogue.ts';
import { type ChatAsk, promptDigest, readChatAsk } from './chat-ask.ts';
import type { OwnedConnection } from './connection.ts';
import type { AfterPlay, FaultControls } from './fault.ts';
import { errorAnswer, jsonAnswer } from './http-bytes.ts';
import { answered } from './play-stream.ts';
import type { WallRequest } from './request-reader.ts';
import type { Counters } from './stats.ts';

/** What all connections of a wall share. */
export interface WallRuntime {
  readonly counters: Counters;
  now(): number;
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  refusePort(): number;
}

/** Answers one request; `close` where the connection is over. */
export async function answerRequest(
  connection: OwnedConnection,
  request: WallRequest,
  runtime: WallRuntime,
): Promise<AfterPlay> {
  const after = await route(connection, request, runtime);
  return request.keepAlive ? after : 'close';
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
      const message = `There is no ${request.method} ${request.path} here: POST /v1/chat/completions, GET /v1/models, GET /wall/stats or POST /wall/reset.`;
      return refuse(connection, '404 Not Found', 'unknown_url', message);
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
  const ask = readChatAsk(request.body);
  if (typeof ask === 'string') return refuse(connection, '400 Bad Request', 'invalid_value', ask);
  const named = request.headers.get('x-wall-fault') ?? faultOfModel(ask);
  if (named === undefined) {
    const message = `Models here are called ${modelPrefix}<fault>, got '${ask.model}'; or name the fault in the header x-wall-fault.`;
    return refuse(connection, '404 Not Found', 'model_not_found', message);
  }
  const found = findFault(named);
  if (!found.ok) return refuse(connection, '404 Not Found', 'model_not_found', found.message);

  const { counters } = runtime;
  const { fault, argument } = found;
  const { asked, withThesePrompts } = counters.asked(fault.name, promptDigest(ask).toString('hex'));
  const controls: FaultControls = {
    ...argument,
    asked,
    askedWithThesePrompts: withThesePrompts,
    serial: counters.nextSerial(),
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

function faultOfModel({ model }: ChatAsk): string | undefined {
  return model.startsWith(modelPrefix) ? model.slice(modelPrefix.length) : undefined;
}

async function waited(runtime: WallRuntime, milliseconds: number, left: AbortSignal): Promise<boolean> {
  try {
    await runtime.sleep(milliseconds, left);
  } catch {
    // The only way for a timer to fail is the signal, and that is asked next.
  }
  return !left.aborted;
}

function refuse(
  connection: OwnedConnection,
  status: string,
  code: string,
  message: string,
): Promise<AfterPlay> {
  return answered(connection, errorAnswer(status, 'invalid_request_error', code, message));
}
