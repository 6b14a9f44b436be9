import type { ErrorCode, FinishReason } from '@tailrace/protocol';
import type { JsonObject } from '../domain/json.ts';
import type { WallConnection } from './connection.ts';
import type { WallChatRequest } from './wall-chat-request.ts';

/** How a request through the relay has to end. */
export type Outcome =
  /** Every choice with its finish, usage and `[DONE]`; or the completion object. */
  | { readonly kind: 'whole' }
  /** The error event after the commit, without finish and `[DONE]`. */
  | { readonly kind: 'error-event'; readonly code: ErrorCode }
  | { readonly kind: 'http-error'; readonly status: number; readonly code: ErrorCode };

/** The same request with `"stream": true` and without. */
export interface Outcomes {
  readonly streaming: Outcome;
  readonly collected: Outcome;
}

/**
 * What a relay that keeps the wire contract does with a fault. Written by hand beside the fault, and compared by
 * `test/wall/relay.test.ts`: with this target alone, with a healthy second target that may not take over, and with a healthy
 * second target that may.
 */
export interface ExpectedOutcomes {
  readonly one: Outcomes;
  readonly second: Outcomes;
  readonly takeover: Outcomes;
}

/** What may follow the name after a colon: `cut-fin:3`, `slow-first-token:2s`, `400-context:vllm`. */
export type FaultParameter =
  | { readonly kind: 'count'; readonly default: number; readonly max: number; readonly means: string }
  | { readonly kind: 'duration'; readonly default: string; readonly means: string }
  | { readonly kind: 'word'; readonly words: readonly [string, ...string[]]; readonly means: string };

/** What a fault is given besides the request. Only the value of its parameter's kind is set. */
export interface FaultControls {
  /** Of a `count` parameter, else 0. */
  readonly count: number;
  /** Of a `duration` parameter, else 0. */
  readonly durationMs: number;
  /** Of a `word` parameter, else empty. */
  readonly word: string;
  /** Requests for this fault since the start or the last reset, this one included. */
  readonly asked: number;
  /** The same, counting only requests with the same messages. */
  readonly askedWithThesePrompts: number;
  /** Number of this request among all of them: for ids. */
  readonly serial: number;
  /** The pause after each of the first pieces of a stream that has pauses, in milliseconds. */
  readonly paceMs: number;
  /** Unix time in milliseconds. */
  now(): number;
  /** False as soon as the peer has left or the wall closes; then there is nothing more to do. */
  wait(milliseconds: number): Promise<boolean>;
}

/** Whether the connection can take another request. */
export type AfterPlay = 'keep' | 'close';

export type Play = (
  connection: WallConnection,
  ask: WallChatRequest,
  controls: FaultControls,
) => Promise<AfterPlay> | AfterPlay;

/** One way to misbehave. */
export interface Fault {
  /** As in `wall/<name>`. */
  readonly name: string;
  /** One line: what the bytes on the wire are. */
  readonly description: string;
  readonly parameter?: FaultParameter;
  /** Fields that a request needs to get this fault: `{n: 2}`. */
  readonly asks?: JsonObject;
  /** It happens at the closed port that `/wall/stats` names. */
  readonly closedPort?: true;
  readonly play: Play;
  readonly expected: ExpectedOutcomes;
  /** The text of the answer, where it is not the healthy one. */
  readonly says?: (healthyTokens: readonly string[]) => string;
  /** The finish reason that a client of the relay gets. Default: `stop`. */
  readonly finishes?: FinishReason;
  /** The tool calls that a client of the relay gets. Default: none. */
  readonly calls?: readonly FaultCall[];
  /** The thoughts that a client of the relay gets. Default: not compared. */
  readonly thoughts?: string;
  /** Output that chat completions have no name for, by field and by the word of the parameter. Default: none. */
  readonly outputs?: (word: string) => JsonObject;
  /**
   * The completion tokens that a client of the relay gets, of a healthy answer with so many. Its prompt tokens are then those
   * of the healthy answer. Default: not compared.
   */
  readonly counts?: (healthyTokens: number) => number;
}

export interface FaultCall {
  readonly name: string;
  /** The parsed arguments. */
  readonly arguments: JsonObject;
}
