import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** The methods of a route, as `createChatHandler` makes them. */
export type RouteHandlers = Readonly<
  Record<'GET' | 'POST' | 'DELETE', (request: Request) => Promise<Response>>
>;

/** The server of a small app: a page, its script, and the route `/api/chat`. */
export interface AppServer {
  readonly url: string;
  /** What was asked of the route: `POST`, `GET`, `DELETE`. */
  readonly asked: string[];
  /** Breaks its connections. */
  cut(): void;
  /** Ends the server with all its connections, as a crash does it. */
  crash(): Promise<void>;
  /** Starts it at the same address. */
  start(): Promise<void>;
}

export async function startAppServer(script: string, route: RouteHandlers): Promise<AppServer> {
  const asked: string[] = [];
  let server: Server | undefined;
  let port = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://app');
    if (pathname === '/app.js') {
      response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(script);
    } else if (pathname === '/api/chat') {
      asked.push(request.method ?? '');
      await pass(request, response, route);
    } else {
      const page =
        '<!doctype html><title>App</title><div id="app"></div><script type="module" src="/app.js"></script>';
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
    }
  }

  const app: AppServer = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    asked,
    cut: () => server?.closeAllConnections(),
    async crash() {
      const ended = server;
      server = undefined;
      ended?.closeAllConnections();
      await new Promise<void>((resolve) => {
        if (ended) ended.close(() => resolve());
        else resolve();
      });
    },
    async start() {
      const started = createServer((request, response) => {
        // Its client has left in mid-answer.
        handle(request, response).catch(() => response.destroy());
      });
      await new Promise<void>((resolve) => {
        started.listen(port, '127.0.0.1', resolve);
      });
      const address = started.address();
      if (address !== null && typeof address === 'object') port = address.port;
      server = started;
    },
  };
  await app.start();
  return app;
}

/** Node's request and response as those of the Web. */
async function pass(asked: IncomingMessage, answer: ServerResponse, route: RouteHandlers): Promise<void> {
  const leaving = new AbortController();
  answer.once('close', () => leaving.abort());
  const method = asked.method ?? 'GET';
  const request = new Request(`http://${asked.headers.host}${asked.url}`, {
    method,
    headers: Object.entries(asked.headers).map(([name, value]): [string, string] => [name, String(value)]),
    signal: leaving.signal,
    ...(method === 'POST' ? { body: new Uint8Array(await buffer(asked)) } : {}),
  });
  const response = await route[method as keyof RouteHandlers](request);
  answer.writeHead(response.status, Object.fromEntries(response.headers));
  answer.flushHeaders();
  for await (const bytes of response.body ?? []) answer.write(bytes);
  answer.end();
}
