import { decodeJsonText } from '@tailrace/protocol';
import type { StreamEvent } from '../domain/stream-event.ts';

const maxCharacters = 32 * 1024;

/** What was said, as text, for the log of an operator who asked for content. Bounded. */
export interface Transcript {
  add(event: StreamEvent): void;
  text(): string;
}

export function createTranscript(): Transcript {
  let said = '';
  return {
    add: (event) => {
      if (event.type !== 'text-delta' || said.length > maxCharacters) return;
      said += decodeJsonText(event.json);
    },
    text: () => said,
  };
}
