import { decodeJsonText } from '@tailrace/protocol';
import type { StreamEvent } from '../domain/stream-event.ts';
import { createTextPieces } from '../domain/text-pieces.ts';

const maxCharacters = 32 * 1024;

/** The text of an answer for the log, where the operator asked for content. Only the beginning of a long answer is kept. */
export interface Transcript {
  add(event: StreamEvent): void;
  text(): string;
}

export function createTranscript(): Transcript {
  const pieces = createTextPieces();
  return {
    add: (event) => {
      if (event.type !== 'text-delta' || pieces.length > maxCharacters) return;
      pieces.add(decodeJsonText(event.json));
    },
    text: () => pieces.join(),
  };
}
