/*
 * Answers that are long in different ways, of some 100 kB each: a page that draws each of them in short frames has no part whose work
 * grows with the whole.
 */

const words =
  'the river carries what the mill leaves and the wheel turns as long as water falls below the race'.split(
    ' ',
  );
const sentence = (from: number, count: number): string =>
  Array.from({ length: count }, (_, at) => words[(from * 7 + at * 3) % words.length]).join(' ');
const many = (count: number, part: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => part(at)).join('');

/** As models write: titles, paragraphs, lists, a table and code now and then. */
function document(sections: number): string {
  return many(
    sections,
    (at) => `## Part ${at + 1}

${sentence(at, 60)}, **${sentence(at + 1, 3)}** and \`code ${at}\`.

- ${sentence(at, 12)}
- ${sentence(at + 2, 14)}
  - ${sentence(at + 3, 8)}

\`\`\`ts
export function part${at}(input: string): number {
  return input.length * ${at}; // ${sentence(at, 6)}
}
\`\`\`

| name | value |
| - | - |
| ${sentence(at, 2)} | ${at} |

`,
  );
}

export const longAnswers = {
  document: document(145),
  'one line': sentence(1, 23_000),
  'one word': 'x'.repeat(125_000),
  'one block of code': `\`\`\`ts\n${many(2_600, (at) => `const value${at} = '${sentence(at, 3)}';\n${at % 9 === 0 ? '\n' : ''}`)}\`\`\`\n`,
  'one line of code': `\`\`\`json\n[${many(9_000, (at) => `{"n":${at}},`)}0]\n\`\`\`\n`,
  'one list': many(2_400, (at) => `- item ${at} ${sentence(at, 6)}\n`),
  'one loose list': many(2_000, (at) => `1. item ${at} ${sentence(at, 6)}\n\n`),
  'one table': `| a | b | c | d |\n| - | - | - | - |\n${many(2_200, (at) => `| ${at} | ${sentence(at, 2)} | ${sentence(at + 1, 2)} | ${at * at} |\n`)}`,
  'deep lists': many(60, (at) =>
    many(14, (depth) => `${'  '.repeat(depth)}- level ${depth} of ${at} ${sentence(at, 8)}\n`),
  ),
  quotes: many(1_200, (at) => `> ${sentence(at, 12)}\n>\n`),
  paragraphs: many(1_300, (at) => `${sentence(at, 14)}\n\n`),
} as const;

export type LongAnswer = keyof typeof longAnswers;

/** The model that gives this answer, at the server of {@link longAnswerServer}. */
export function modelOf(name: LongAnswer): string {
  return `long/${name.replaceAll(' ', '-')}`;
}

const pieceLength = 5;

/** Options of a server whose models give the long answers, one piece of five characters in so many milliseconds. */
export function longAnswerServer(everyMs: number) {
  const names = Object.keys(longAnswers) as LongAnswer[];
  const models = names.map(modelOf);
  return {
    model: 'none',
    config: {
      upstreams: { lab: { kind: 'scripted', script: './answers.yaml' } },
      models: Object.fromEntries(models.map((id) => [id, { targets: [{ upstream: 'lab', model: id }] }])),
      stream: { journal: { per_stream: '64MiB', total: '256MiB' } },
    },
    files: {
      'answers.yaml': {
        every: `${everyMs}ms`,
        chunk: `${pieceLength} characters`,
        answers: names.map((name) => ({
          when: { model: modelOf(name) },
          steps: [{ text: longAnswers[name] }, { finish: 'stop' }],
        })),
      },
    },
  } as const;
}

export const piecesOf = (name: LongAnswer): number => Math.ceil(longAnswers[name].length / pieceLength);
