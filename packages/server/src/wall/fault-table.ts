import { modelPrefix, spelling } from './catalogue.ts';
import type { ExpectedOutcomes, Fault } from './fault.ts';
import { describeOutcome } from './outcomes.ts';

/** The faults for a terminal: name with its parameter, description. */
export function faultList(faults: readonly Fault[]): string {
  const names = faults.map((fault) => `${modelPrefix}${spelling(fault)}`);
  const width = Math.max(...names.map((name) => name.length));
  return faults
    .map((fault, index) => `${(names[index] ?? '').padEnd(width)}  ${fault.description}\n`)
    .join('');
}

/** The table of `docs/wall.md`. */
export function faultTable(faults: readonly Fault[]): string {
  const rows = faults.map((fault) => {
    const cells = outcomeCells(fault.expected);
    return `| \`${spelling(fault)}\` | ${fault.description}${parameterNote(fault)} | ${cells.join(' | ')} |\n`;
  });
  return (
    '| fault | what happens | one target | with a second target | with takeover |\n' +
    '| --- | --- | --- | --- | --- |\n' +
    rows.join('')
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
