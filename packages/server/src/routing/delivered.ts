import { decodeJsonText, type JsonText } from '@tailrace/protocol';
import type { StreamEvent, TextDelta } from '../domain/stream-event.ts';
import { createTextPieces, type TextPieces } from '../domain/text-pieces.ts';

/**
 * The bound of the kept text and reasoning together, in UTF-16 units of escaped text. A longer answer is dropped here and
 * cannot be taken over.
 */
const maxCharacters = 4 * 1024 * 1024;

/**
 * The part of an answer that the client has received, kept for a takeover. After the commit no other part of a source keeps
 * the text of the answer. It is bounded, and its pieces are joined only when `text` or `reasoning` is read.
 */
export interface Delivered {
  add(event: StreamEvent): void;
  /** {@link Delivered.add} for a text delta, which nearly every event is. */
  addText(event: TextDelta): void;
  readonly text: string;
  readonly reasoning: string;
  /**
   * Whether a target could continue the answer. False from the first tool call, refusal or other output on, from reasoning
   * after the text on, and for an answer that is too long.
   */
  readonly continuable: boolean;
}

/**
 * `remembers`: whether the text is kept. Default: true. False where no target of the plan could ever continue the
 * answer.
 */
export function createDelivered(remembers = true): Delivered {
  return new RememberedAnswer(remembers);
}

class RememberedAnswer implements Delivered {
  continuable = true;
  private readonly remembers: boolean;
  // Made by the first piece: most answers have no reasoning, and most plans keep nothing.
  private texts: TextPieces<JsonText> | undefined;
  private reasonings: TextPieces<JsonText> | undefined;
  /** UTF-16 units of both. */
  private length = 0;

  constructor(remembers: boolean) {
    this.remembers = remembers;
  }

  add(event: StreamEvent): void {
    switch (event.type) {
      case 'text-delta':
        this.addText(event);
        return;
      case 'reasoning-delta':
        // A prefix cannot contain reasoning, and a replay does not compare the order of reasoning and text.
        if (this.texts !== undefined) this.forget();
        else if (this.keeps) {
          this.reasonings ??= createTextPieces();
          this.keep(this.reasonings, event.json);
        }
        return;
      case 'tool-call-start':
      case 'tool-call-delta':
      case 'other-delta':
      case 'refusal-delta':
        this.forget();
        return;
      default:
        return;
    }
  }

  addText(event: TextDelta): void {
    if (!this.keeps || event.json === '') return;
    this.texts ??= createTextPieces();
    this.keep(this.texts, event.json);
  }

  get text(): string {
    return decoded(this.texts);
  }

  get reasoning(): string {
    return decoded(this.reasonings);
  }

  private get keeps(): boolean {
    return this.remembers && this.continuable;
  }

  private keep(pieces: TextPieces<JsonText>, json: JsonText): void {
    pieces.add(json);
    this.length += json.length;
    if (this.length > maxCharacters) this.forget();
  }

  private forget(): void {
    this.continuable = false;
    this.texts = undefined;
    this.reasonings = undefined;
  }
}

function decoded(pieces: TextPieces<JsonText> | undefined): string {
  return pieces === undefined ? '' : decodeJsonText(pieces.join());
}
