import type { KeyNames } from '../key-names.ts';
import type { Group } from './usage-query.ts';

/** How a value of a group is called; null where records have none. */
export function nameOfValue(group: Group, value: string | null, names: KeyNames): string {
  if (value === null || value === '') return `no ${group.name.toLowerCase()}`;
  if (group.id === 'key') return names.get(value) ?? value;
  return group.id === 'hour' ? value.replace('T', ' ').slice(0, 16) : value;
}
