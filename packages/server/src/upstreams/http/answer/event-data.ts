import type { Failure } from '../../../domain/failure.ts';
import { createJsonValidator, type JsonValidator } from '../../../domain/json-validator.ts';
import { eventBeyondBounds } from './json-bounds.ts';

/**
 * Finds the end of an event that has no blank line after it, and keeps the value that it has parsed for this.
 *
 * By the specification only a blank line ends an event. Some servers write only one line end after all or some of their events.
 * No text can follow a whole JSON text, so an event ends with the line that completes its data as one JSON text. So JSON over
 * several data lines is still one event, and no event waits for the line after it. The data of an event in good order, one
 * line, is parsed here once and nowhere else.
 */
export interface EventData {
  /** Whether the event ends with this line; see `SseDecoderOptions.endsEvent`. */
  endsEvent(data: string, line: string, event: string): boolean;
  /** Parses the data of an event; undefined where it is not JSON, or exceeds the bounds ({@link tooLarge}). */
  take(data: string): unknown;
  /** The failure for data that was not parsed because of its size. */
  readonly tooLarge: Failure | undefined;
  /**
   * The length of the data before the last line, where that line cannot belong to it: a line feed would stand inside a string,
   * or the line is `[DONE]`. Else 0. The length is returned once; then it is 0.
   */
  takeTornAt(): number;
}

/** How the data of events is read. */
export interface EventDataOptions {
  /** Parses the data of an event; undefined where it is not JSON. */
  parse(data: string): unknown;
  /** Whether it is the data of the event that ends the answer. */
  isLast(data: string): boolean;
}

/** Creates the reader of the data of one answer. */
export function createEventData(options: EventDataOptions): EventData {
  return new ReadData(options);
}

class ReadData implements EventData {
  tooLarge: Failure | undefined;
  private tornAt = 0;
  private readonly options: EventDataOptions;
  /** The data that was parsed last, until it is taken. */
  private parsed: string | undefined;
  private value: unknown;
  /** Has read all lines of an event whose first line is not JSON. */
  private validator: JsonValidator | undefined;

  constructor(options: EventDataOptions) {
    this.options = options;
  }

  endsEvent(data: string, line: string, event: string): boolean {
    if (data.length !== line.length) return this.laterLineEnds(data, line);
    this.validator = undefined;
    this.tornAt = 0;
    if (this.options.isLast(data)) return true;
    // No further line makes JSON of a text that does not begin like JSON. The text of an error may have several lines. Such a
    // text is not parsed: an error of JSON.parse takes 10 µs, and one turn of the event loop may read 300,000 empty lines.
    if (!beginsLikeJson(data)) return event !== 'error';
    this.parse(data);
    return this.value !== undefined || this.tooLarge !== undefined;
  }

  take(data: string): unknown {
    if (this.parsed !== data) {
      this.tooLarge = undefined;
      if (!beginsLikeJson(data)) return undefined;
      this.parse(data);
    }
    const { value } = this;
    this.parsed = undefined;
    this.value = undefined;
    return value;
  }

  takeTornAt(): number {
    const { tornAt } = this;
    this.tornAt = 0;
    return tornAt;
  }

  private laterLineEnds(data: string, line: string): boolean {
    const before = data.length - line.length - 1;
    if (this.validator === undefined) {
      this.validator = createJsonValidator();
      this.validator.push(data.slice(0, before));
    }
    const { validator } = this;
    validator.push('\n');
    if (validator.broken || this.options.isLast(line)) {
      this.tornAt = before;
      return true;
    }
    validator.push(line);
    return validator.closed || validator.broken;
  }

  private parse(data: string): void {
    this.parsed = data;
    this.tooLarge = eventBeyondBounds(data);
    this.value = this.tooLarge === undefined ? this.options.parse(data) : undefined;
  }
}

/**
 * The data of a line whose field is unknown: a data line with white space or a byte order mark before its name, or with its name
 * in capital letters, or JSON without a name. Text would be lost if these were ignored.
 */
export function dataOfLine(line: string): string | undefined {
  const [before] = /^\s*(?:data\s*:\s*)?(?=[[{])/i.exec(line) ?? [];
  return before === undefined ? undefined : line.slice(before.length);
}

/**
 * Whether a text may be the beginning of JSON. False for a number: a heartbeat is often a time, and a number carries no output.
 */
export function beginsLikeJson(text: string): boolean {
  return /^\s*(?:\{|"(?!\s*[:}\]])|\[\s*(?:[[{"\]\d-]|(?:true|false|null)\b|$)|(?:true|false|null)\b)/.test(
    text,
  );
}

/**
 * Whether a text that is not JSON is the later part of a JSON text: it closes more than it opens, or it does not begin like JSON
 * and has a quote before a colon or a closing bracket.
 */
export function isRestOfJson(text: string): boolean {
  return (!beginsLikeJson(text) && /"\s*[:}\]]/.test(text)) || closesMore(text);
}

/**
 * Whether a text closes more objects and lists than it opens, with or without the brackets in its strings: a torn text does not
 * show where its strings begin.
 */
export function closesMore(text: string): boolean {
  let open = 0;
  let openOutside = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === quote) inString = !inString;
    else if (unit === backslash && inString) at += 1;
    else {
      const step = unit === 0x7b || unit === 0x5b ? 1 : unit === 0x7d || unit === 0x5d ? -1 : 0;
      open += step;
      if (!inString) openOutside += step;
    }
  }
  return open < 0 || openOutside < 0;
}

/** How many characters of a text may be the beginning of JSON: what follows the tear may belong to another event. */
export function soundLength(text: string): number {
  const validator = createJsonValidator();
  let length = 0;
  while (length < text.length) {
    validator.push(text.charAt(length));
    if (validator.broken) return length;
    length += 1;
  }
  return length;
}

const quote = 0x22;
const backslash = 0x5c;

/** So many equal characters at the beginning or at the end show that two texts are events of one stream. */
const mostAlike = 24;

/** Whether a torn text was an event of this stream: what has come of it begins as `event` does, or ends as `event` does. */
export function isAlike(torn: string, event: string): boolean {
  let same = 0;
  while (same < mostAlike && same < torn.length && torn.charCodeAt(same) === event.charCodeAt(same))
    same += 1;
  return same === torn.length || same === mostAlike || event.endsWith(torn.slice(-mostAlike));
}
