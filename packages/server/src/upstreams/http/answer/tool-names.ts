/** The names of the tools of one request. Where it has none, nothing is known about the names in its answer. */
export interface ToolNames {
  has(name: string): boolean;
  /** Whether a tool's name begins with this text, or is it. */
  begins(text: string): boolean;
  /** Whether a tool's name is longer than this text and begins with it. */
  continues(text: string): boolean;
}

/** The names of these tools; undefined where there are none. */
export function toolNamesOf(tools: readonly { readonly name: string }[]): ToolNames | undefined {
  if (tools.length === 0) return undefined;
  const names = new Set(tools.map(({ name }) => name));
  const all = [...names];
  return {
    has: (name) => names.has(name),
    begins: (text) => names.has(text) || all.some((name) => name.startsWith(text)),
    continues: (text) => all.some((name) => name.length > text.length && name.startsWith(text)),
  };
}

/**
 * The name of a call after one more piece of it. A piece equal to the whole name is a repetition, one that begins with it is the
 * longer name so far (cumulative), any other piece is the next part. Where the tools of the request are known and only another
 * reading leads to one of them, that reading is used. A piece equal to a name that is no tool is the next part where it can be
 * (`l`, `l`, `m_ask`).
 */
export function joinName(name: string, piece: string, tools: ToolNames | undefined): string {
  const both = name + piece;
  if (tools === undefined) return piece.startsWith(name) ? piece : both;
  if (piece === name && !tools.has(name) && tools.begins(both)) return both;
  const readings = piece.startsWith(name)
    ? [piece, both]
    : // A last part that came twice.
      [both, ...(name.endsWith(piece) ? [name] : [])];
  return readings.find((one) => tools.begins(one)) ?? readings[0] ?? both;
}
