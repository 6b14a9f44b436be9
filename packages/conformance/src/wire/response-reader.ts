/*
 * Reads HTTP/1 answers off a socket and remembers how the bytes came: which chunk, which read, when. No library of Node's shows that a
 * server writes several events in one chunk, or that it uses chunks towards HTTP/1.0.
 */
import type { Piece, WireResponse } from './exchange.ts';

/** Bytes of an answer that are kept; a larger one ends the exchange. The longest lists of models take 1 MB. */
const maxBodyBytes = 4 * 1024 * 1024;
/** Each piece costs more than its bytes. The longest answer that is asked for has some 600 events. */
const maxPieces = 20_000;
const maxHeadBytes = 256 * 1024;
/** Bytes of one line between chunks, and trailers after the last one. */
const maxLineBytes = 16 * 1024;
const maxTrailers = 100;

export type ReaderState = 'head' | 'body' | 'whole' | 'too-large' | 'malformed';

/** What all answers of one check may still take: an endpoint that sends much to each request must not fill the memory. */
export interface Room {
  bytes: number;
}

/** Reads one answer. */
export class ResponseReader {
  state: ReaderState = 'head';
  /** What is wrong with the HTTP of the answer. */
  problem = '';
  private readonly noBody: boolean;
  private readonly room: Room;
  private readonly onPiece: (bytes: Uint8Array) => void;
  private held: Buffer = Buffer.alloc(0);
  private head: Pick<WireResponse, 'version' | 'status' | 'headers'> | undefined;
  private readonly pieces: Piece[] = [];
  private coding: 'chunked' | 'length' | 'until-close' = 'until-close';
  private bytesLeft = 0;
  private chunkState: 'size' | 'data' | 'data-end' | 'trailers' = 'size';
  private chunk: Buffer[] = [];
  private chunkBytes = 0;
  private bodyBytes = 0;
  private trailers = 0;
  private reads = 0;
  private endRead: number | undefined;
  private endMs: number | undefined;

  /** `noBody`: the answer to a HEAD. `room` is shared with other answers. `onPiece` gets the bytes of the body as they come. */
  constructor(
    options: { readonly noBody: boolean; readonly room?: Room },
    onPiece: (bytes: Uint8Array) => void,
  ) {
    this.noBody = options.noBody;
    this.room = options.room ?? { bytes: maxBodyBytes };
    this.onPiece = onPiece;
  }

  push(bytes: Buffer, atMs: number): void {
    this.reads += 1;
    this.held = this.held.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.held, bytes]);
    while (this.step(atMs));
  }

  /** The connection has ended. */
  close(atMs: number): void {
    if (this.state === 'body' && this.coding === 'until-close') this.finish(atMs);
  }

  response(): WireResponse | undefined {
    if (this.head === undefined) return undefined;
    return {
      ...this.head,
      pieces: this.pieces,
      ...(this.endRead === undefined ? {} : { endRead: this.endRead }),
      ...(this.endMs === undefined ? {} : { endMs: this.endMs }),
    };
  }

  /** Whether the connection can carry another request. */
  get keepsOpen(): boolean {
    if (this.head === undefined || this.state !== 'whole' || this.coding === 'until-close') return false;
    const connection = this.head.headers.find(([name]) => name === 'connection')?.[1] ?? '';
    return this.head.version === '1.1' && !/\bclose\b/i.test(connection);
  }

  private finish(atMs: number): void {
    this.state = 'whole';
    this.endRead = this.reads;
    this.endMs = atMs;
  }

  /** Takes one part of what is held; false where more bytes are needed. */
  private step(atMs: number): boolean {
    switch (this.state) {
      case 'head':
        return this.readHead(atMs);
      case 'body':
        return this.coding === 'chunked' ? this.readChunked(atMs) : this.readPlain(atMs);
      case 'whole':
      case 'too-large':
      case 'malformed':
        return false;
    }
  }

  private fail(problem: string): false {
    this.state = 'malformed';
    this.problem = problem;
    return false;
  }

  private readHead(atMs: number): boolean {
    const end = this.held.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.held.length > maxHeadBytes) this.state = 'too-large';
      return false;
    }
    const [first = '', ...lines] = this.held.subarray(0, end).toString('latin1').split('\r\n');
    this.held = this.held.subarray(end + 4);
    const status = /^HTTP\/(\d\.\d) (\d{3})/.exec(first);
    if (status === null)
      return this.fail(`the answer does not begin as HTTP/1 does: ${JSON.stringify(first.slice(0, 80))}`);
    const code = Number(status[2]);
    if (code < 200 && code !== 101) return true;
    const headers = lines.map((line): readonly [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    this.head = { version: status[1] ?? '', status: code, headers };
    this.state = 'body';
    const value = (name: string) => headers.find(([one]) => one === name)?.[1];
    if (this.noBody || code === 204 || code === 304) {
      this.coding = 'length';
      this.finish(atMs);
    } else if (/chunked/i.test(value('transfer-encoding') ?? '')) this.coding = 'chunked';
    else if (value('content-length') !== undefined) {
      const length = value('content-length') ?? '';
      if (!/^\d{1,15}$/.test(length))
        return this.fail(`content-length is ${JSON.stringify(length.slice(0, 40))}`);
      this.coding = 'length';
      this.bytesLeft = Number(length);
      if (this.bytesLeft === 0) this.finish(atMs);
    }
    return true;
  }

  private readPlain(atMs: number): boolean {
    if (this.held.length === 0) return false;
    const taken = this.coding === 'length' ? this.held.subarray(0, this.bytesLeft) : this.held;
    this.held = this.held.subarray(taken.length);
    this.bytesLeft -= taken.length;
    this.keep(taken, atMs);
    if (this.state === 'body' && this.coding === 'length' && this.bytesLeft === 0) this.finish(atMs);
    return true;
  }

  private readChunked(atMs: number): boolean {
    if (this.chunkState === 'data') {
      if (this.held.length === 0) return false;
      const taken = this.held.subarray(0, this.bytesLeft);
      this.held = this.held.subarray(taken.length);
      this.bytesLeft -= taken.length;
      this.chunk.push(taken);
      this.chunkBytes += taken.length;
      if (this.bytesLeft > 0) {
        // A chunk may announce any size: it is held until it is whole, so what is held of it has the bound of the body.
        if (this.bodyBytes + this.chunkBytes <= maxBodyBytes && this.chunkBytes <= this.room.bytes)
          return true;
        this.chunk = [];
        this.state = 'too-large';
        return false;
      }
      this.keep(Buffer.concat(this.chunk), atMs);
      this.chunk = [];
      this.chunkBytes = 0;
      this.chunkState = 'data-end';
      return true;
    }
    const end = this.held.indexOf('\r\n');
    if (end < 0) {
      return this.held.length <= maxLineBytes ? false : this.fail('a line between two chunks has no end');
    }
    const line = this.held.subarray(0, end).toString('latin1');
    this.held = this.held.subarray(end + 2);
    switch (this.chunkState) {
      case 'data-end':
        if (line !== '') return this.fail('a chunk is longer than its size says');
        this.chunkState = 'size';
        return true;
      case 'size': {
        const size = /^[0-9a-f]+/i.exec(line)?.[0];
        if (size === undefined)
          return this.fail(`the size of a chunk is ${JSON.stringify(line.slice(0, 40))}`);
        this.bytesLeft = Number.parseInt(size, 16);
        this.chunkState = this.bytesLeft === 0 ? 'trailers' : 'data';
        return true;
      }
      case 'trailers':
        this.trailers += 1;
        if (line === '') this.finish(atMs);
        else if (this.trailers > maxTrailers) return this.fail('the trailers have no end');
        return true;
    }
  }

  private keep(bytes: Uint8Array, atMs: number): void {
    this.bodyBytes += bytes.length;
    if (this.bodyBytes > maxBodyBytes || bytes.length > this.room.bytes || this.pieces.length >= maxPieces) {
      this.state = 'too-large';
      return;
    }
    this.room.bytes -= bytes.length;
    this.pieces.push({ bytes, atMs, read: this.reads });
    this.onPiece(bytes);
  }
}
