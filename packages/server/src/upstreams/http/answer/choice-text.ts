import { jsonText } from '@tailrace/protocol';
import { createSurrogateJoiner } from '../../../domain/surrogate-joiner.ts';
import type { DialectOutput } from './dialect.ts';

/** Emits the text and the reasoning of one choice as they come, in whole characters. */
export interface ChoiceText {
  addText(piece: string): void;
  /** Emits nothing once text has come: reasoning comes before the text (contract, section 3). */
  addReasoning(piece: string): void;
  /** Emits U+FFFD for half a character that is still held. */
  flush(): void;
}

/** `textBegun`: true where the answer continues a text, so that no reasoning may come. */
export function createChoiceText(
  choice: number,
  output: Pick<DialectOutput, 'emit'>,
  textBegun = false,
): ChoiceText {
  const texts = createSurrogateJoiner();
  const thoughts = createSurrogateJoiner();
  let hasText = textBegun;

  function emitText(text: string): void {
    if (text === '') return;
    hasText = true;
    output.emit({ type: 'text-delta', choice, json: jsonText(text) });
  }

  function emitReasoning(text: string): void {
    if (text !== '' && !hasText) output.emit({ type: 'reasoning-delta', choice, json: jsonText(text) });
  }

  return {
    addText: (piece) => emitText(texts.take(piece)),
    addReasoning: (piece) => emitReasoning(thoughts.take(piece)),
    flush() {
      emitReasoning(thoughts.flush());
      emitText(texts.flush());
    },
  };
}
