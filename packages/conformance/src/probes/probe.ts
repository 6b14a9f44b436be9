import type { Exchange, WireRequest, WireResponse } from '../wire/exchange.ts';
import type { ProbeName } from './probe-names.ts';

export interface AskOptions {
  /** Besides the usual ones; an empty value takes one away. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly version?: '1.0' | '1.1';
  /** Close the connection after so many events. */
  readonly leaveAfter?: number;
  /** Stop to read after so many events, for so long. */
  readonly pauseAfter?: { readonly events: number; readonly pauseMs: number };
  /** Whether a refusal that asks the client to wait is sent again. Default true; false where a later answer says something else. */
  readonly waits?: boolean;
  /** Called once, with the first bytes of the body. */
  readonly onBody?: (response: WireResponse) => void;
  /** A path that is asked for on the same connection, right after the answer; it is recorded under `NAME/next`. */
  readonly afterwards?: string;
}

/** What a probe may do: send requests, and look at what others have seen. */
export interface ProbeTools {
  /** Posts a chat completion: the model and `fields`, or a body as it is. */
  ask(name: string, fields: object | string, options?: AskOptions): Promise<Exchange>;
  /** Another request, by its path behind the base path, or from the root where it begins with `//`. */
  send(
    name: string,
    request: Pick<WireRequest, 'method' | 'path'> & Partial<Pick<WireRequest, 'headers'>>,
    options?: Pick<AskOptions, 'leaveAfter'>,
  ): Promise<Exchange>;
  /** An exchange that is recorded already. */
  earlier(name: string): Exchange | undefined;
  /** Adds to what is recorded of an exchange. */
  observe(name: string, observed: Readonly<Record<string, number | string>>): void;
  /** Waits; less where the check is stopped. */
  wait(ms: number): Promise<void>;
}

export interface Probe {
  readonly name: ProbeName;
  /** What is asked, for the plan. */
  readonly about: string;
  /** How many requests it sends at most. */
  readonly requests: number;
  /** How many tokens it asks for at most. */
  readonly tokens: number;
  /** Runs while no other probe does, after those that may run beside each other. */
  readonly alone?: boolean;
  readonly run: (tools: ProbeTools) => Promise<unknown>;
}
