import { didYouMean } from '../domain/nearest.ts';

/**
 * ` (did you mean "--group-by"?)` behind a flag that there is not, or nothing. Beside misspelt names it knows shortened ones:
 * a part of a name between dashes (`--by`), and the initials of its parts (`--rpm`).
 */
export function flagHint(word: string, flags: readonly string[]): string {
  const [name = ''] = word.split('=');
  const similar = didYouMean(name, flags);
  if (similar !== '') return similar;
  const short = name.replace(/^-+/, '').toLowerCase();
  if (short === '') return '';
  const meant = flags.find((flag) => {
    const parts = flag.slice('--'.length).split('-');
    const initials = parts.map((part) => part.charAt(0)).join('');
    return parts.length > 1 && (`-${parts.join('-')}-`.includes(`-${short}-`) || initials === short);
  });
  return meant === undefined ? '' : ` (did you mean "${meant}"?)`;
}
