import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

export interface FilesServer {
  readonly url: string;
  stop(): void;
}

/** Serves the files of a folder, as any server of files does. */
export async function serveFiles(folder: string): Promise<FilesServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://files');
    const file = path.join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    const stream = createReadStream(file);
    stream.once('open', () => {
      response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'text/plain' });
      stream.pipe(response);
    });
    stream.once('error', () => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
