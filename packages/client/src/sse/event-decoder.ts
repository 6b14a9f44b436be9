/*
 * Server-sent events of a chat stream (WHATWG HTML, section 9.2.6). `packages/protocol` has a decoder too. This one is for clients:
 * it decodes the text of a read at once, and it is a fifth of the size; what it lacks are the items for things that a judge of
 * streams wants to see (docs/decisions/0036). Bytes that are not UTF-8 throw: text that cannot be read is lost text.
 */

/**
 * Called for each event that has data. `lastEventId` is what the specification says; `numbered` tells whether this event had an `id:`
 * line itself. `name` is `''` where no line named the event.
 */
export type OnEvent = (data: string, lastEventId: string, numbered: boolean, name: string) => void;

export interface EventDecoder {
  /** Takes the next bytes, cut anywhere. Throws where they are not UTF-8, and where one event is longer than the bound. */
  push(bytes: Uint8Array): void;
  /** The body has ended. Hands over an event that its end has cut as far as it came, where there is one with data. */
  end(): void;
  /** Milliseconds of the last `retry:` line. */
  readonly retryMs: number | undefined;
}

/** Characters of one event: what a broken server may have us keep. */
const maxEventLength = 16 * 1024 * 1024;

const lineFeed = 10;
const space = 32;
const letterD = 100;

/** Time is linear in the bytes, and the events never depend on how the bytes were cut. */
export function createEventDecoder(onEvent: OnEvent): EventDecoder {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  /** The beginning of a line that the last read cut. */
  let rest = '';
  let data: string | undefined;
  let name = '';
  let lastEventId = '';
  let numbered = false;
  let retryMs: number | undefined;
  /** The last character was a CR: an LF that follows belongs to it. */
  let afterCr = false;

  function dispatch(): void {
    const whole = data;
    const called = name;
    const own = numbered;
    data = undefined;
    name = '';
    numbered = false;
    if (whole !== undefined) onEvent(whole, lastEventId, own, called);
  }

  function endLine(line: string): void {
    if (line === '') {
      dispatch();
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === space ? colon + 2 : colon + 1);
    if (field === 'data') {
      data = data === undefined ? value : `${data}\n${value}`;
      bound(data);
    } else if (field === 'event') name = value;
    else if (field === 'id' && !value.includes('\0')) {
      lastEventId = value;
      numbered = true;
    } else if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }

  function read(text: string): void {
    let at = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      if (rest !== '') {
        const line = rest + text.slice(at, end);
        rest = '';
        endLine(line);
      } else if (
        // Nearly every event is one data line and a blank one: it needs one slice.
        data === undefined &&
        text.charCodeAt(at) === letterD &&
        text.charCodeAt(end + 1) === lineFeed &&
        text.startsWith('data:', at)
      ) {
        data = text.slice(text.charCodeAt(at + 5) === space ? at + 6 : at + 5, end);
        end += 1;
        dispatch();
      } else endLine(text.slice(at, end));
      at = end + 1;
    }
    if (at < text.length) {
      rest += at === 0 ? text : text.slice(at);
      bound(rest);
    }
  }

  return {
    push(bytes) {
      let text = utf8.decode(bytes, { stream: true });
      if (text === '') return;
      if (afterCr && text.charCodeAt(0) === lineFeed) text = text.slice(1);
      const hasCr = text.includes('\r');
      afterCr = hasCr && text.endsWith('\r');
      read(hasCr ? text.replaceAll(/\r\n?/g, '\n') : text);
    },
    end() {
      // Throws where the end has cut a character.
      utf8.decode();
      if (rest !== '') endLine(rest);
      rest = '';
      dispatch();
    },
    get retryMs() {
      return retryMs;
    },
  };
}

function bound(text: string): void {
  if (text.length > maxEventLength)
    throw new RangeError(`an event of more than ${maxEventLength} characters`);
}
