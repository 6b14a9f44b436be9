import type { EventBatch } from '../../domain/stream-event.ts';
import type { UpstreamCall } from '../../upstreams/contract.ts';
import type { ModelInfo } from '../between/protocol.ts';

/*
 * The messages between the process that has the engine and one that asks it. Each pull is a message, and is answered by one: so the
 * back-pressure is that of one process, and text that is not pulled is joined where it is made.
 */

export type ToEngine =
  | { readonly type: 'open'; readonly id: number; readonly call: UpstreamCall }
  | { readonly type: 'pull'; readonly id: number }
  /** The request has ended here; nothing more is wanted. */
  | { readonly type: 'leave'; readonly id: number };

export type FromEngine =
  | { readonly type: 'state'; readonly state: EngineState }
  | { readonly type: 'batch'; readonly id: number; readonly events: EventBatch }
  | { readonly type: 'end'; readonly id: number }
  /** A bug. */
  | { readonly type: 'broke'; readonly id: number; readonly message: string };

/** What a process that asks has to know at once, without asking. */
export interface EngineState {
  readonly ready: boolean;
  /** All models, with the facts of those that have been loaded. */
  readonly models: ReadonlyMap<string, ModelInfo | undefined>;
}
