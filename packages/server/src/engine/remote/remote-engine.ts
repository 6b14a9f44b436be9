import type { Channel } from '../../channels/contract.ts';
import { assertNever } from '../../domain/assert-never.ts';
import type { BatchReceiver } from '../../domain/batches.ts';
import { failure } from '../../domain/failure.ts';
import type { Capabilities } from '../../domain/requirements.ts';
import type { EventStream, Upstream, UpstreamCall } from '../../upstreams/contract.ts';
import { refusedValues } from '../parent/generate-message.ts';
import { honoured } from '../parent/honoured.ts';
import type { EngineState, FromEngine, ToEngine } from './messages.ts';

/** The engine of another process, as an upstream. */
export interface RemoteEngine extends Upstream {
  readonly name: 'engine';
  /** Whether it answers now. False before the other process has said so, and while it restarts its child. */
  ready(): boolean;
}

const nothing: Capabilities = new Set();

/** Asks the engine at the other end of the channel (`serve-engine.ts`). When the channel closes, open streams fail with `upstream_cut`. */
export function createRemoteEngine(channel: Channel): RemoteEngine {
  const calls = new Map<number, RemoteCall>();
  let state: EngineState = { ready: false, models: new Map() };
  let lastId = 0;
  let closed = false;
  const say = (message: ToEngine): void => channel.send(message);

  // Only `serveEngine` of the same version writes to this channel.
  channel.onMessage((received) => {
    const message = received as FromEngine;
    switch (message.type) {
      case 'state':
        state = message.state;
        break;
      case 'batch':
        calls.get(message.id)?.takeReceiver()?.batch(message.events);
        break;
      case 'end':
        calls.get(message.id)?.ended();
        break;
      case 'broke':
        calls.get(message.id)?.takeReceiver()?.broke(new Error(message.message));
        break;
      default:
        assertNever(message);
    }
  });
  channel.onClose(() => {
    closed = true;
    state = { ...state, ready: false };
    for (const call of [...calls.values()]) call.cut();
  });

  function open(call: UpstreamCall, signal: AbortSignal): EventStream {
    lastId += 1;
    const id = lastId;
    const stream = new RemoteCall({
      pull: () => say({ type: 'pull', id }),
      gone: (early) => {
        calls.delete(id);
        signal.removeEventListener('abort', stream.leave);
        if (early) say({ type: 'leave', id });
      },
    });
    if (signal.aborted) stream.leave();
    else if (closed) stream.cut();
    else {
      calls.set(id, stream);
      signal.addEventListener('abort', stream.leave, { once: true });
      say({ type: 'open', id, call });
    }
    return stream;
  }

  return {
    name: 'engine',
    firstTokenClock: 'start',
    capabilities: (model) => (state.models.has(model) ? honoured : nothing),
    contextLength: (model) => state.models.get(model)?.contextLength,
    samplingDefaults: (model) => state.models.get(model)?.sampling,
    refuses: (request, model) => {
      const info = state.models.get(model);
      return info === undefined ? undefined : refusedValues(request, info);
    },
    takeover: (model) => (state.models.has(model) ? 'prefix' : undefined),
    open,
    ready: () => state.ready,
  };
}

interface CallLine {
  pull(): void;
  /** `early`: the other side does not know it yet. */
  gone(early: boolean): void;
}

class RemoteCall implements EventStream {
  private readonly line: CallLine;
  private receiver: BatchReceiver | undefined;
  private over = false;
  private wasCut = false;

  constructor(line: CallLine) {
    this.line = line;
  }

  pull(receiver: BatchReceiver): void {
    if (this.wasCut) {
      this.wasCut = false;
      receiver.batch([{ type: 'failed', failure: cutFailure }]);
    } else if (this.over) receiver.end();
    else {
      this.receiver = receiver;
      this.line.pull();
    }
  }

  takeReceiver(): BatchReceiver | undefined {
    const { receiver } = this;
    this.receiver = undefined;
    return receiver;
  }

  ended(): void {
    this.finish(false);
    this.takeReceiver()?.end();
  }

  /** The other process has ended. */
  cut(): void {
    if (this.over) return;
    this.finish(false);
    const receiver = this.takeReceiver();
    if (receiver === undefined) this.wasCut = true;
    else receiver.batch([{ type: 'failed', failure: cutFailure }]);
  }

  /** The request is gone: by its signal, or because its reader closes the stream. */
  readonly leave = (): void => {
    this.wasCut = false;
    this.finish(true);
    this.takeReceiver()?.end();
  };

  close(): Promise<void> {
    this.leave();
    return Promise.resolve();
  }

  private finish(early: boolean): void {
    if (this.over) return;
    this.over = true;
    this.line.gone(early);
  }
}

const cutFailure = failure('upstream_cut', 'The local engine stopped while it wrote this answer.', {
  blameless: true,
});
