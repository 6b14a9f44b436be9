import { Writable } from 'node:stream';
import type { Link } from '../../channels/link.ts';
import { channels } from '../between/channels.ts';

/** While so many bytes wait for the parent, lines wait here, where the log counts and drops them. */
const mostWaitingBytes = 256 * 1024;
const lookAgainMs = 20;

/** The stream of a worker's log: the parent writes its lines. */
export class LineStream extends Writable {
  /** Whether the parent's output is a terminal. */
  readonly isTTY: boolean;
  private readonly link: Link;

  constructor(link: Link, isTTY: boolean) {
    super({ decodeStrings: true });
    this.link = link;
    this.isTTY = isTTY;
  }

  override _write(lines: Buffer, _encoding: string, done: () => void): void {
    this.link.channel(channels.log).send(new Uint8Array(lines));
    this.whenRead(done);
  }

  private whenRead(done: () => void): void {
    if (this.link.waitingBytes < mostWaitingBytes) done();
    else setTimeout(() => this.whenRead(done), lookAgainMs).unref();
  }
}
