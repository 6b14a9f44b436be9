/** The path of a member: `schema.properties.a`, or `schema.properties["a b"]` where a name needs quotes. */
export function memberPath(path: string, name: string): string {
  if (/^[A-Za-z_$][\w$-]{0,99}$/.test(name)) return `${path}.${name}`;
  return `${path}[${JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)}]`;
}

export function itemPath(path: string, index: number): string {
  return `${path}[${index}]`;
}
