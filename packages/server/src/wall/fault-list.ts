import { modelPrefix, spelling } from './catalogue.ts';
import type { Fault } from './fault.ts';

/** The faults for a terminal: name with its parameter, description. */
export function faultList(faults: readonly Fault[]): string {
  const names = faults.map((fault) => `${modelPrefix}${spelling(fault)}`);
  const width = Math.max(...names.map((name) => name.length));
  return faults
    .map((fault, index) => `${(names[index] ?? '').padEnd(width)}  ${fault.description}\n`)
    .join('');
}
