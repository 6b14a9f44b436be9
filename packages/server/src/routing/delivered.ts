import { decodeJsonText, type JsonText } from '@tailrace/protocol';
import type { StreamEvent, TextDelta } from '../domain/stream-event.ts';
import { createTextPieces, type TextPieces } from '../domain/text-pieces.ts';

/** A longer answer than this is not remembered, and so not taken over. */
const maxCharacters = 4 * 1024 * 1024;

/**
 * What the client has seen of an answer: the only memory of a stream there is, kept for whoever may have to
 * go on with it. Bounded; texts are joined only when somebody asks.
 */
export interface Delivered {
  add(event: StreamEvent): void;
  /** {@link Delivered.add} for what nearly every event is. */
  addText(event: TextDelta): void;
  readonly text: string;
  readonly reasoning: string;
  /** False for good once a tool call or a refusal has begun, or the answer has outgrown the memory. */
  readonly continuable: boolean;
}

/** `remembers`: a target might go on with the answer some time; else nothing is kept. */
export function createDelivered(remembers = true): Delivered {
  return new RememberedAnswer(remembers);
}

class RememberedAnswer implements Delivered {
  continuable = true;
  private readonly remembers: boolean;
  private readonly texts = createTextPieces<JsonText>();
  private readonly reasonings = createTextPieces<JsonText>();

  constructor(remembers: boolean) {
    this.remembers = remembers;
  }

  add(event: StreamEvent): void {
    switch (event.type) {
      case 'text-delta':
        this.addText(event);
        return;
      case 'reasoning-delta':
        if (this.remembers) this.keep(this.reasonings, event.json);
        return;
      case 'tool-call-start':
      case 'tool-call-delta':
      case 'refusal-delta':
        this.forget();
        return;
      default:
        return;
    }
  }

  addText(event: TextDelta): void {
    if (this.remembers) this.keep(this.texts, event.json);
  }

  get text(): string {
    return decodeJsonText(this.texts.join());
  }

  get reasoning(): string {
    return decodeJsonText(this.reasonings.join());
  }

  private keep(pieces: TextPieces<JsonText>, json: JsonText): void {
    if (!this.continuable) return;
    pieces.add(json);
    if (this.texts.length + this.reasonings.length > maxCharacters) this.forget();
  }

  private forget(): void {
    if (!this.continuable) return;
    this.continuable = false;
    this.texts.clear();
    this.reasonings.clear();
  }
}
