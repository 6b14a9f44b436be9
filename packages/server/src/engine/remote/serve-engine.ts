import type { Channel } from '../../channels/contract.ts';
import { assertNever } from '../../domain/assert-never.ts';
import type { EventStream } from '../../upstreams/contract.ts';
import type { Engine } from '../parent/engine.ts';
import type { FromEngine, ToEngine } from './messages.ts';

interface OpenCall {
  readonly stream: EventStream;
  readonly left: AbortController;
}

/** Answers the calls of one process, until its channel closes: then its calls end, and their places are free. */
export function serveEngine(
  channel: Channel,
  engine: Pick<Engine, 'open' | 'ready' | 'models' | 'describe' | 'onChange'>,
): void {
  const calls = new Map<number, OpenCall>();
  const say = (message: FromEngine): void => channel.send(message);

  function sayState(): void {
    const models = new Map(engine.models().map((model) => [model, engine.describe(model)]));
    say({ type: 'state', state: { ready: engine.ready(), models } });
  }

  function pull(id: number): void {
    calls.get(id)?.stream.pull({
      batch: (events) => {
        if (calls.has(id)) say({ type: 'batch', id, events });
      },
      end: () => {
        if (calls.delete(id)) say({ type: 'end', id });
      },
      broke: (bug) => say({ type: 'broke', id, message: bug instanceof Error ? bug.message : String(bug) }),
    });
  }

  function leave(id: number): void {
    const call = calls.get(id);
    calls.delete(id);
    call?.left.abort();
    void call?.stream.close();
  }

  const stopWatching = engine.onChange(sayState);
  sayState();
  // Only a remote engine of the same version writes to this channel.
  channel.onMessage((received) => {
    const message = received as ToEngine;
    switch (message.type) {
      case 'open': {
        const left = new AbortController();
        calls.set(message.id, { stream: engine.open(message.call, left.signal), left });
        break;
      }
      case 'pull':
        pull(message.id);
        break;
      case 'leave':
        leave(message.id);
        break;
      default:
        assertNever(message);
    }
  });
  channel.onClose(() => {
    stopWatching();
    for (const id of [...calls.keys()]) leave(id);
  });
}
