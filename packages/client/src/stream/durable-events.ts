import { isObject } from '../errors/from-answer.ts';
import { createEventDecoder } from '../sse/event-decoder.ts';
import { wait } from './retry.ts';

/*
 * The read half of the Durable Streams protocol 1.0 as a `tailrace-stream-url` speaks it (contract, section 6), turned into the form
 * of an ordinary stream. So the reader behind it knows one form only:
 *
 *   event: data      data:[message,           →  id: 5   data: message
 *                    data:message]            →  id: 6   data: message
 *   event: control   {"streamNextOffset": …}     (checks the number)
 *   event: control   {"streamClosed": true}   →  id: 7   data: [DONE]   unless the last message was an error
 *   : keepalive                               →  :
 *
 * A live answer of that protocol ends after a minute by itself. The next one is asked for here; the reader does not notice.
 */

/** Asks for the messages behind `offset`, live: `?offset=…&live=sse` at the stream's address. */
export type AskDurable = (offset: string) => Promise<Response>;

/** The address of a live read behind event number `after`. What the address already carries (id, expiry, signature) stays. */
export function durableAddress(streamUrl: string, offset: string): string {
  return `${streamUrl}${streamUrl.includes('?') ? '&' : '?'}offset=${offset}&live=sse`;
}

/**
 * Reads a stream behind event number `after` (0: from the beginning). The response has the status and headers of the first answer. Where
 * that is no event stream (a refusal) it is passed on as it is. The body fails where an answer breaks off, has another form, or where a
 * later answer is refused: then the reader asks again behind the last event that it has.
 */
export async function readDurable(ask: AskDurable, after: number, signal: AbortSignal): Promise<Response> {
  const first = await ask(offsetOf(after));
  if (!isEventStream(first)) return first;
  const headers = new Headers(first.headers);
  // Relative to an address that the new response does not have.
  headers.delete('tailrace-stream-url');
  return new Response(ordinaryBody(first.body, ask, after, signal), { status: first.status, headers });
}

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

function ordinaryBody(first: Bytes, ask: AskDurable, after: number, signal: AbortSignal): Bytes {
  let body = first.getReader();
  let isLeft = false;
  /** Ordinary events that have not been passed on. */
  let text = '';
  /** The number of the last message. */
  let last = after;
  /** Of the answer that is being read. */
  let hasMessages = false;
  /** Its last event was a `control` that agrees with the number of messages. */
  let isInOrder = false;
  let isClosed = false;
  let hasFailed = false;
  let decoder = createEventDecoder(take);

  function take(data: string, _id: string, _numbered: boolean, name: string): void {
    if (isClosed) return;
    const value: unknown = JSON.parse(data);
    if (name === 'data') takeMessages(value);
    if (name === 'control') takeControl(value);
  }

  function takeMessages(messages: unknown): void {
    if (!Array.isArray(messages)) throw new TypeError('No list of messages.');
    for (const message of messages as readonly unknown[]) {
      last += 1;
      text += `id: ${last}\ndata: ${JSON.stringify(message)}\n\n`;
      hasFailed = isObject(message) && 'error' in message;
      hasMessages = true;
    }
    isInOrder = false;
  }

  function takeControl(control: unknown): void {
    if (!isObject(control) || control['streamNextOffset'] !== offsetOf(last))
      throw new TypeError('Messages are missing.');
    isInOrder = true;
    if (control['streamClosed'] !== true) return;
    isClosed = true;
    if (!hasFailed) text += `id: ${last + 1}\ndata: [DONE]\n\n`;
  }

  /** Asks for what follows an answer that has ended without saying that the stream is closed. */
  async function askAgain(): Promise<void> {
    // A whole answer ends behind an event `control`. This one was cut, or is no answer of this protocol.
    if (!isInOrder) throw new TypeError('The connection was cut.');
    // One that ended at once and empty must not make a busy loop.
    if (!hasMessages) await wait(quietMs, signal);
    const next = await ask(offsetOf(last));
    if (!isEventStream(next)) {
      await next.body?.cancel();
      throw new TypeError(`status ${next.status}`);
    }
    body = next.body.getReader();
    decoder = createEventDecoder(take);
    hasMessages = false;
    isInOrder = false;
  }

  return new ReadableStream({
    async pull(controller) {
      while (text === '' && !isClosed) {
        const { done, value } = await body.read();
        if (isLeft) return;
        if (done) await askAgain();
        else {
          decoder.push(value);
          // Bytes without an event, such as a keepalive, are a comment: the reader measures the silence between bytes.
          if (text === '' && !isClosed) text = ':\n';
        }
      }
      if (text !== '') controller.enqueue(encoder.encode(text));
      text = '';
      if (!isClosed) return;
      controller.close();
      // Nothing follows the event that closes a stream.
      await body.cancel().catch(() => {});
    },
    async cancel(reason) {
      // It ends the read that waits.
      isLeft = true;
      await body.cancel(reason);
    },
  });
}

function offsetOf(number: number): string {
  return String(number).padStart(12, '0');
}

function isEventStream(answer: Response): answer is Response & { readonly body: Bytes } {
  const type = answer.headers.get('content-type');
  return answer.ok && answer.body !== null && type?.startsWith('text/event-stream') === true;
}

const encoder = new TextEncoder();
const quietMs = 1_000;
