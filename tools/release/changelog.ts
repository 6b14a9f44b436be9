/** What a changeset says, without its head. */
export function entryOf(changeset: string): string {
  return changeset.replace(/^---\n[\s\S]*?\n---\n/, '').trim();
}

/** The changelog with a section for a version, before those of older ones. */
export function withSection(changelog: string, version: string, entries: readonly string[]): string {
  const items = entries.map((entry) => `- ${entry.replaceAll('\n', '\n  ')}`);
  const section = `## ${version}\n\n${items.join('\n')}\n\n`;
  const first = changelog.search(/^## /m);
  return first < 0
    ? `${changelog.trimEnd()}\n\n${section.trimEnd()}\n`
    : changelog.slice(0, first) + section + changelog.slice(first);
}
