/** An event of a resumable stream, as its bytes on the wire: `id: N`, `data: …` and the empty line. */
export interface NumberedEvent {
  readonly number: number;
  readonly payload: string;
}

export interface ReadEvents {
  readonly events: readonly NumberedEvent[];
  /** Keepalive comments between them. */
  readonly comments: number;
  /** What stands behind the last whole event or comment. */
  readonly rest: string;
}

const comment = ': keepalive\n';
const event = /id: (\d+)\ndata: ([^\n]*)\n\n/y;

/** Reads the whole events of a body, strictly: anything but numbered events and keepalives is left in `rest`. */
export function readEvents(body: string): ReadEvents {
  const events: NumberedEvent[] = [];
  let comments = 0;
  let at = 0;
  for (;;) {
    if (body.startsWith(comment, at)) {
      comments += 1;
      at += comment.length;
      continue;
    }
    event.lastIndex = at;
    const found = event.exec(body);
    if (found === null) return { events, comments, rest: body.slice(at) };
    events.push({ number: Number(found[1]), payload: found[2] ?? '' });
    at = event.lastIndex;
  }
}

/**
 * What an answer says, for a comparison with another run of the same answer: without the completion's id and time and the
 * request's id. Pieces of one text are joined, because an ordinary stream merges those that its client is slow to take.
 */
export function saidBy(payloads: readonly string[]): string[] {
  const said: Said[] = [];
  for (const payload of payloads) {
    const one = saidIn(payload);
    const last = said.at(-1);
    if (one.text !== undefined && last?.text !== undefined && last.around === one.around)
      last.text += one.text;
    else said.push(one);
  }
  return said.map(({ around, text = '' }) => `${around} ${text}`);
}

interface Said {
  /** The payload; of a piece of text, all that is around the text. */
  readonly around: string;
  text?: string;
}

/** A chunk with nothing but a piece of text, or of a call's arguments, as the server writes it. */
const piece =
  /^(.*"delta":\{(?:"tool_calls":\[\{"index":\d+,"function":\{)?"(?:content|reasoning_content|arguments)":")((?:[^"\\]|\\.)+)("\}(?:\}\]\})?,"logprobs":null,"finish_reason":null\}\]\})$/;

function saidIn(payload: string): Said {
  const alike = payload
    .replace(/^\{"id":"chatcmpl-[^"]*","object":"chat.completion.chunk","created":\d+/, '{')
    .replace(/"request_id":"[^"]*"/, '');
  const [, before, text, after] = piece.exec(alike) ?? [];
  return text === undefined ? { around: alike } : { around: `${before}…${after}`, text };
}
