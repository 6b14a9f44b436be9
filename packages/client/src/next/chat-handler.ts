import { readEnv } from '../client/environment.ts';
import type { Fetch } from '../client/options.ts';
import { Tailrace } from '../client/tailrace.ts';
import { type ChatRequestBody, type PageBody, readMessages } from './chat-request.ts';
import type { AskedBody } from './converted-answer.ts';
import { type ChatServer, passThrough } from './pass-through.ts';
import { readJsonBody } from './read-json-body.ts';
import { refuse } from './refusal.ts';
import { parseAppAddress, serverAddress } from './stream-address.ts';

/*
 * The route of an app through which its page chats. The key stays in the app's server.
 *
 *     page ── POST ─────────────────────────▶ handler ── POST /v1/chat/completions ─────▶ Tailrace
 *     page ── GET ?completion&expires&sig… ─▶ handler ── GET /v1/streams/{id}?expires… ──▶     a stream that goes on
 *     page ── DELETE ?completion&…  ────────▶ handler ── DELETE /v1/streams/{id}?… ───────▶     stop
 *
 * The bytes of a stream pass as they are: nothing is parsed, and the pull of the page's connection is the pull on Tailrace's.
 */

export interface ChatHandlerOptions {
  /** The server and its key. Default: `TAILRACE_BASE_URL` and `TAILRACE_API_KEY` of the environment, as for `new Tailrace()`. */
  readonly client?: ChatServer | undefined;
  /** Instead of `client`. */
  readonly apiKey?: string | undefined;
  /** Instead of `client`, with its version: `http://127.0.0.1:7245/v1`. */
  readonly baseURL?: string | undefined;
  /** Sends the requests, for servers that are reached in another way than by the network. Default: the global `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** The model where `prepare` names none. Default: `default`, which every Tailrace has. */
  readonly model?: string | undefined;
  /** Instructions before the messages. A page cannot send others then. */
  readonly system?: string | undefined;
  /**
   * Who may chat, asked before anything of the body is read, for GET and DELETE too. Only `true` lets a request pass; a `Response` is
   * the answer, and everything else is a 401. Default: whoever can reach the route may.
   */
  authorize?(request: Request): boolean | Response | Promise<boolean | Response>;
  /**
   * Makes the request for the server of what the page has sent. Its result is trusted. The same body must give the same result: a
   * page that asks again with its `Idempotency-Key` is refused (409) where it does not. Default: `messages` (or `prompt`) and
   * `stream` are taken, and nothing else, so that a page cannot choose what an answer costs.
   */
  prepare?(
    body: PageBody,
    request: Request,
  ): ChatRequestBody | Response | Promise<ChatRequestBody | Response>;
  /**
   * How the answer is streamed. `sse`, the default: the server's own events, for `tailrace/react` and every SDK. `text`: the text and
   * nothing else. `ui`: for the AI SDK's `useChat`. Only `sse` can be read on after the page was reloaded.
   */
  readonly format?: 'sse' | 'text' | 'ui' | undefined;
  /** Whether a stream outlives its connection, so that the page can read on. Default true. Only for `sse`. */
  readonly resumable?: boolean | undefined;
  /** Largest body of a request in bytes; a larger one is a 413. Default 4 MiB. */
  readonly maxBodyBytes?: number | undefined;
}

/** What a framework calls: one function for each method. */
export interface ChatHandler {
  GET(request: Request): Promise<Response>;
  POST(request: Request): Promise<Response>;
  DELETE(request: Request): Promise<Response>;
}

const maxBodyBytesByDefault = 4 * 1_048_576;

/**
 * The handlers of a chat route, for every framework with the web's `Request` and `Response`: a Next.js route (`export const { GET,
 * POST, DELETE } = createChatHandler()`), Hono, a worker, and Express by an adapter. They reject only where `authorize` or
 * `prepare` throw; whatever fails at the server is an answer with its status and error envelope.
 */
export function createChatHandler(options: ChatHandlerOptions = {}): ChatHandler {
  const { authorize, format = 'sse' } = options;
  // At the first request: a build that loads the route has no key.
  let made: ChatServer | undefined;
  const server = (): ChatServer => {
    made ??= serverOf(options);
    return made;
  };
  const guarded =
    (answer: (request: Request) => Promise<Response>) =>
    async (request: Request): Promise<Response> => {
      const verdict = authorize === undefined || (await authorize(request));
      if (verdict instanceof Response) return verdict;
      if (verdict !== true) return refuse({ code: 'missing_api_key', message: 'Sign in to chat here.' });
      return answer(request);
    };
  /** GET and DELETE: the signature decides at the server, so no key goes with it. */
  const atAddress = async (request: Request): Promise<Response> => {
    const query = new URL(request.url).searchParams;
    const address = format === 'sse' ? parseAppAddress(query) : undefined;
    if (address === undefined) {
      const message = "This is no address of a stream: read it from the header 'tailrace-stream-url'.";
      return refuse({ code: 'completion_not_found', message });
    }
    const to = server();
    const url = serverAddress(to.baseURL, address, query, request.headers.get('last-event-id'));
    return passThrough(to, request, { url, fetch: options.fetch });
  };
  return {
    GET: guarded(atAddress),
    DELETE: guarded(atAddress),
    POST: guarded(async (request) => {
      const asked = await askedOf(request, options);
      if (asked instanceof Response) return asked;
      const to = server();
      if (format !== 'sse') {
        const { convertedAnswer } = await import('./converted-answer.ts');
        return convertedAnswer(to, asked, format, request.signal);
      }
      const resumable = options.resumable !== false && asked.stream === true;
      return passThrough(to, request, {
        url: `${to.baseURL}/chat/completions`,
        fetch: options.fetch,
        body: JSON.stringify(asked),
        headers: resumable ? { 'tailrace-resumable': 'true' } : {},
      });
    }),
  };
}

function serverOf({ client, apiKey, baseURL, fetch }: ChatHandlerOptions): ChatServer {
  // Without a key the server refuses: that is an answer to the page and a line on the console, where an exception would be neither.
  return client ?? new Tailrace({ apiKey: apiKey ?? readEnv('TAILRACE_API_KEY') ?? null, baseURL, fetch });
}

/** What to ask the server for, or the answer to a request that is wrong. */
async function askedOf(request: Request, options: ChatHandlerOptions): Promise<AskedBody | Response> {
  const read = await readJsonBody(request, options.maxBodyBytes ?? maxBodyBytesByDefault);
  if (!read.ok) return refuse(read.refusal);
  const { system, model = 'default', prepare } = options;
  const given = readMessages(read.value, system !== undefined);
  if (!given.ok) return refuse(given.refusal);
  const { messages } = given;
  const stream = read.value['stream'] !== false;
  const prepared = await prepare?.({ ...read.value, messages, stream }, request);
  if (prepared instanceof Response) return prepared;
  const asked: AskedBody = { stream, ...(prepared ?? { messages }), model: prepared?.model ?? model };
  if (system === undefined) return asked;
  return { ...asked, messages: [{ role: 'system', content: system }, ...asked.messages] };
}
