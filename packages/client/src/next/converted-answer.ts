import { APIError } from '../errors/errors.ts';
import type { ChatStream } from '../stream/contract.ts';
import { stoppedBySignal } from '../stream/stopped-by-signal.ts';
import type { ChatRequestBody } from './chat-request.ts';
import type { ChatServer } from './pass-through.ts';
import { passedAnswerHeaders } from './passed-headers.ts';
import { errorResponse, keyRefused, noAnswerOfProtocol, refuse } from './refusal.ts';
import { warnDeveloper } from './warn-developer.ts';

/** A request with everything that the server needs. */
export type AskedBody = ChatRequestBody & { model: string };

/**
 * Streams an answer as text, or as the AI SDK's `useChat` reads it. The stream between this server and Tailrace heals as every
 * stream of the client does. The page cannot read on, so nobody needs the rest once it has left: the completion is stopped then.
 */
export async function convertedAnswer(
  client: ChatServer,
  asked: AskedBody,
  format: 'text' | 'ui',
  signal: AbortSignal,
): Promise<Response> {
  // The signal ends the request until its head is there. After that the completion has to be stopped, not only left.
  const opening = new AbortController();
  const leave = (): void => opening.abort(signal.reason);
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  try {
    const stream = await client.chat.completions.create(
      { ...asked, stream: true },
      { signal: opening.signal },
    );
    const { headers } = await stream.response;
    return stoppedByLeaving(stream, signal, convert(stream, format, shownHeaders(headers)));
  } catch (error) {
    if (!(error instanceof APIError) || signal.aborted) throw error;
    return refusalOf(error, client);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

function convert(stream: ChatStream, format: 'text' | 'ui', headers: Headers): Response {
  return format === 'text'
    ? stream.toTextResponse({ headers })
    : stream.toUIMessageStreamResponse({ headers });
}

/** Those of the server's head that are true of the converted answer too. */
function shownHeaders(head: Headers): Headers {
  const shown = passedAnswerHeaders(head, new URLSearchParams());
  for (const name of ['content-type', 'cache-control', 'tailrace-stream-url']) shown.delete(name);
  return shown;
}

/** The answer; to cancel its body, or to abort the signal, stops the completion. */
function stoppedByLeaving(stream: ChatStream, signal: AbortSignal, answer: Response): Response {
  const { stop, end } = stoppedBySignal(stream, signal);
  const reader = answer.body?.getReader();
  if (reader === undefined) return answer;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      async cancel(reason) {
        stop();
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  const headers = new Headers(answer.headers);
  // Nothing can be read on here, and it names the server.
  headers.delete('tailrace-stream-url');
  return new Response(body, { status: answer.status, headers });
}

/** An error of the client as the answer that the server gave; without one, as that of a server that cannot be reached. */
function refusalOf({ status, headers, error, message }: APIError, { baseURL, apiKey }: ChatServer): Response {
  if (status === undefined) {
    warnDeveloper(message);
    return refuse({ code: 'upstream_refused', message: 'The chat server cannot be reached.' });
  }
  const shown = shownHeaders(headers ?? new Headers());
  // A redirect that led nowhere.
  if (status < 400) return noAnswerOfProtocol(shown);
  if (status === 401) return keyRefused(shown, baseURL, !!apiKey);
  const { message: words = message, type = 'server_error', param = null, code } = error ?? {};
  return errorResponse(status, { message: words, type, param, code: code ?? 'internal_error' }, shown);
}
