export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * The entry of a netrc file for a host, else its `default` entry. Macros are skipped; quoting is that of
 * Python's `netrc`, which is what pip reads the file with.
 */
export function netrcEntry(text: string, host: string): Credentials | undefined {
  const words = [...withoutMacros(text).matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map((match) =>
    match[1] === undefined ? (match[2] ?? '') : match[1].replace(/\\(.)/g, '$1'),
  );
  let fallback: Credentials | undefined;
  for (let at = 0; at < words.length; at++) {
    const isDefault = words[at] === 'default';
    if (words[at] !== 'machine' && !isDefault) continue;
    const machine = isDefault ? undefined : words[++at];
    const entry = { user: '', password: '' };
    for (; at + 2 < words.length; at += 2) {
      const name = words[at + 1];
      const value = words[at + 2] ?? '';
      if (name === 'login' || name === 'user') entry.user = value;
      else if (name === 'password') entry.password = value;
      else if (name !== 'account') break;
    }
    if (machine === host) return entry;
    if (isDefault) fallback = entry;
  }
  return fallback;
}

/** A macro ends at the next empty line. A word that begins with `#` is a comment only at the beginning of a line. */
function withoutMacros(text: string): string {
  return text.replace(/^macdef[^\n]*\n(?:[^\n]+\n)*/gm, '').replace(/^\s*#.*$/gm, '');
}
