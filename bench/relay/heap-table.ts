import { readFileSync } from 'node:fs';

/** What one constructor, or one kind of internal object, holds. */
export interface Held {
  readonly name: string;
  readonly count: number;
  readonly bytes: number;
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[]];
    };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** What the second of two heap snapshots of a process holds more than the first, divided by `streams`; the largest first. */
export function heldForEach(beforeFile: string, afterFile: string, streams: number): Held[] {
  const before = byConstructor(JSON.parse(readFileSync(beforeFile, 'utf8')) as Snapshot);
  const after = byConstructor(JSON.parse(readFileSync(afterFile, 'utf8')) as Snapshot);
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => {
      const [old, now] = [before.get(name), after.get(name)];
      return {
        name,
        count: ((now?.count ?? 0) - (old?.count ?? 0)) / streams,
        bytes: ((now?.bytes ?? 0) - (old?.bytes ?? 0)) / streams,
      };
    })
    .toSorted((a, b) => b.bytes - a.bytes);
}

/** `nodes` is one flat array with a node's fields behind each other; names and types are indexes. */
function byConstructor({
  snapshot,
  nodes,
  strings,
}: Snapshot): Map<string, { count: number; bytes: number }> {
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [typeAt, nameAt, sizeAt] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field));
  if (typeAt === undefined || nameAt === undefined || sizeAt === undefined)
    throw new Error('a snapshot without fields');
  const held = new Map<string, { count: number; bytes: number }>();
  for (let at = 0; at < nodes.length; at += fields.length) {
    const type = types[0][nodes[at + typeAt] ?? 0] ?? '';
    const name = nameOf(type, strings[nodes[at + nameAt] ?? 0] ?? '');
    const one = held.get(name) ?? { count: 0, bytes: 0 };
    one.count += 1;
    one.bytes += nodes[at + sizeAt] ?? 0;
    held.set(name, one);
  }
  return held;
}

function nameOf(type: string, name: string): string {
  if (type === 'object' || type === 'native') return name;
  if (type === 'closure') return `(closure) ${name}`;
  // Internal objects have names of their own; the names of strings, numbers and code are their contents.
  return type === 'hidden' || type === 'array' ? `(${type}) ${name}` : `(${type})`;
}
