import type { AnswerFacts } from './answer.ts';

const quoted = /"(?:\\.|[^"\\])*"/g;

/** Reads the times of a `Server-Timing` header by the names that this server gives them. Servers on the way may have added others. */
export function readServerTiming(header: string | null): Pick<AnswerFacts, 'queueMs' | 'promptMs'> {
  const times = new Map<string, number>();
  // A quoted description may hold any of the separators, and says nothing here.
  for (const metric of (header ?? '').replaceAll(quoted, '').split(',')) {
    const [name = '', ...parameters] = metric.split(';').map((part) => part.trim());
    const [, digits] = parameters.map((one) => /^dur\s*=\s*(\d+(?:\.\d+)?)$/i.exec(one)).find(Boolean) ?? [];
    if (digits !== undefined && !times.has(name)) times.set(name, Number(digits));
  }
  const [queueMs, promptMs] = [times.get('queue'), times.get('prompt')];
  return queueMs === undefined || promptMs === undefined ? {} : { queueMs, promptMs };
}
