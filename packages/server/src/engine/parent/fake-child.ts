import { EventEmitter } from 'node:events';
import type { FromChild, ModelInfo, ToChild } from '../between/protocol.ts';
import type { Child } from './supervisor.ts';

/** For tests: a child process that the test controls. */
export class FakeChild extends EventEmitter implements Child {
  readonly stderr = null;
  readonly received: ToChild[] = [];
  alive = true;

  send(message: ToChild): boolean {
    this.received.push(message);
    return true;
  }

  kill(): boolean {
    this.exit(null, 'SIGKILL');
    return true;
  }

  /** Sends a message to the parent. */
  say(message: FromChild): void {
    this.emit('message', message);
  }

  /** Ends the child. */
  exit(code: number | null, signal: string | null = null): void {
    if (!this.alive) return;
    this.alive = false;
    queueMicrotask(() => this.emit('exit', code, signal));
  }

  /** The ids of the requests that the child has received. */
  get requests(): number[] {
    return this.received.flatMap((message) => (message.type === 'generate' ? [message.id] : []));
  }
}

export const fakeInfo: ModelInfo = {
  fingerprint: 'fp_0123456789ab',
  modelName: 'Fake',
  contextLength: 100,
  sequences: 2,
  threads: 1,
  longestToken: 4,
  vocabularySize: 100,
  toolSyntax: 'tagged',
  sampling: {},
  device: 'cpu',
};

/** The bytes of a model file without a model; `inspectModelFile` accepts it. */
export const fakeModelFile: Uint8Array = Buffer.concat([
  Buffer.from('GGUF'),
  Buffer.from([3, 0, 0, 0]),
  Buffer.alloc(16),
]);
