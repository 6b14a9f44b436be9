import { spelling } from '../../packages/server/src/wall/catalogue.ts';
import type { ExpectedOutcomes, Fault } from '../../packages/server/src/wall/fault.ts';
import { describeOutcome } from '../../packages/server/src/wall/outcomes.ts';
import { markdownTable } from './markdown-table.ts';

/** The table of `docs/wall.md`. */
export function faultTable(faults: readonly Fault[]): string {
  return markdownTable(
    ['fault', 'what happens', 'one target', 'with a second target', 'with takeover'],
    faults.map((fault) => [
      `\`${spelling(fault)}\``,
      `${fault.description}${parameterNote(fault)}`,
      ...outcomeCells(fault.expected),
    ]),
  );
}

function parameterNote({ parameter, asks }: Fault): string {
  const words = parameter?.kind === 'word' ? ` (\`${parameter.words.join('`, `')}\`)` : '';
  const meaning = parameter === undefined ? '' : ` Parameter: ${parameter.means}${words}.`;
  const fields = asks === undefined ? '' : ` Ask with \`${Object.keys(asks).join('`, `')}\`.`;
  return meaning + fields;
}

function outcomeCells({ one, second, takeover }: ExpectedOutcomes): readonly string[] {
  return [one, second, takeover].map(({ streaming, collected }) => {
    const [stream, object] = [describeOutcome(streaming), describeOutcome(collected)];
    return stream === object ? stream : `${stream}; not streaming: ${object}`;
  });
}
