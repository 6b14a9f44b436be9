/**
 * Reads the subset of Python's configparser format that pip's files use: sections, `key = value` or `key: value`, values
 * that continue on indented lines, comments of whole lines. Keys are returned in lower case with dashes. Lines that are
 * not valid are left out: it is for pip to report them.
 */
export function parseIni(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const bare = line.trim();
    if (bare === '' || bare.startsWith('#') || bare.startsWith(';')) continue;
    if (/^\s/.test(line) && section !== undefined && key !== undefined) {
      section.set(key, `${section.get(key) ?? ''}\n${bare}`.trim());
      continue;
    }
    const head = /^\[([^\]]+)\]$/.exec(bare)?.[1];
    if (head !== undefined) {
      section = sections.get(head) ?? new Map();
      sections.set(head, section);
      key = undefined;
      continue;
    }
    const pair = /^([^=:]*[^=:\s])\s*[=:]\s*(.*)$/.exec(bare);
    if (pair === null || section === undefined) continue;
    key = (pair[1] ?? '').toLowerCase().replaceAll('_', '-');
    section.set(key, pair[2] ?? '');
  }
  return sections;
}
