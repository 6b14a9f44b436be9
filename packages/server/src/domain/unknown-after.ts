import { type Failure, failure } from './failure.ts';
import { shortened } from './shortened.ts';

/** The failure of a list whose parameter `after` names no entry: an empty page would look like the end of the list. */
export function unknownAfter(after: string): Failure {
  const shown = JSON.stringify(shortened(after));
  const message = `The parameter "after" is ${shown}, and this list has no such entry; give it the id of the last entry of the page before, or leave it out.`;
  return failure('invalid_value', message, { param: 'after' });
}
