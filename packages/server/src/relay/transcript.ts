import { decodeJsonText } from '@tailrace/protocol';
import type { StreamEvent } from '../domain/stream-event.ts';
import { createTextPieces } from '../domain/text-pieces.ts';

const maxCharacters = 32 * 1024;

/** What was said, as text, for the log of an operator who asked for content. Bounded. */
export interface Transcript {
  add(event: StreamEvent): void;
  text(): string;
}

export function createTranscript(): Transcript {
  const said = createTextPieces();
  return {
    add: (event) => {
      if (event.type !== 'text-delta' || said.length > maxCharacters) return;
      said.add(decodeJsonText(event.json));
    },
    text: () => said.join(),
  };
}
