import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';

/**
 * A connection to a Redis (from version 5) or a Valkey that runs scripts. What it promises is what makes a decision with Redis
 * safe: nothing is sent twice, nothing waits unsent, and each connection knows the scripts before its first other command.
 */
export interface RedisConnection {
  /** The driver, for commands that are no scripts. */
  readonly client: Redis;
  /** Resolves after the first attempt to connect (within a second), and where that has succeeded, when the scripts are there. */
  tried(): Promise<void>;
  /** Runs a script by its hash, and by its text where the server has dropped it. Rejects at once without a connection. */
  evaluate(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>;
  /**
   * The same by its text: a script that the server does not know is carried out before the commands that follow. By its hash it
   * would be carried out after them.
   */
  evaluateText(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>;
  /** Ends the connection; calls without an answer reject. */
  close(): void;
}

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** The scripts that the server gets first. */
  readonly scripts: readonly Script[];
  /** Milliseconds before attempt number 1, 2, … to connect again. */
  readonly reconnectMs: (attempt: number) => number;
  /** Called with each error of the connection; a call that it makes fail rejects besides. */
  readonly onError: (error: Error) => void;
  /** The connection takes commands. It follows the scripts. */
  readonly onReady?: () => void;
  /** The connection is lost, or an attempt to connect has failed. */
  readonly onClose?: () => void;
}

/** A script, and the hash by which the server knows it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export type ScriptArgument = string | number;

/** The script with this text. */
export function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** A connection without an answer for so long is opened anew. */
const silenceMs = 5_000;
/** The most that {@link RedisConnection.tried} takes. */
const openingMs = 1_000;

/** Connects, now and after each loss; while there is no connection every call rejects at once. The caller closes it. */
export function connectToRedis(options: RedisConnectionOptions): RedisConnection {
  return new Connection(options);
}

class Connection implements RedisConnection {
  readonly client: Redis;
  private readonly scripts: readonly Script[];
  /** Called when a connection has the scripts. */
  private onWarm = (): void => {};
  /** Why there is no connection. */
  private connectionError: Error | undefined;

  constructor({ url, scripts, reconnectMs, onError, onReady, onClose }: RedisConnectionOptions) {
    this.scripts = scripts;
    this.client = new Redis(url, {
      // RESP2: Valkey and every Redis know it.
      protocol: 2,
      disableClientInfo: true,
      enableOfflineQueue: false,
      // What is carried out twice takes twice: nothing is sent again after a lost connection, and what was not answered on it
      // rejects at once. A script that may be repeated is repeated by its caller.
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      // A server that still loads its data refuses each command by itself.
      enableReadyCheck: false,
      connectTimeout: silenceMs,
      commandTimeout: silenceMs,
      socketTimeout: silenceMs,
      retryStrategy: reconnectMs,
    });
    this.client.on('error', (error: Error) => {
      this.connectionError = error;
      onError(error);
    });
    this.client.on('ready', () => {
      this.connectionError = undefined;
      void this.warm();
      onReady?.();
    });
    if (onClose !== undefined) this.client.on('close', onClose);
  }

  tried(): Promise<void> {
    const { client } = this;
    return new Promise((resolve) => {
      const timer = setTimeout(done, openingMs);
      function done(): void {
        clearTimeout(timer);
        client.off('close', done);
        resolve();
      }
      client.once('close', done);
      this.onWarm = done;
    });
  }

  async evaluate(called: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await this.client.call('evalsha', [called.sha, keys.length, ...keys, ...args]);
    } catch (error) {
      // Without a connection the driver says only that it cannot send.
      if (this.client.status !== 'ready') throw this.connectionError ?? error;
      if (!isUnknownScript(error)) throw error;
      return await this.evaluateText(called, keys, args);
    }
  }

  evaluateText(called: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.client.call('eval', [called.text, keys.length, ...keys, ...args]);
  }

  close(): void {
    this.client.disconnect();
  }

  /** Gives the server the scripts, as the first commands of each connection: one that is missing costs a second round trip. */
  private async warm(): Promise<void> {
    // What fails here fails again where it is needed, and says so there.
    await Promise.allSettled(this.scripts.map(({ text }) => this.client.script('LOAD', text)));
    this.onWarm();
  }
}

/** The server has been started anew, or has dropped its scripts. The first word of a reply is its code. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** The answer of a script that returns a list of texts; throws where it is something else. */
export function readTexts(answer: unknown): readonly string[] {
  if (Array.isArray(answer) && answer.every((value) => typeof value === 'string')) return answer;
  throw new Error('the script has answered something else');
}
