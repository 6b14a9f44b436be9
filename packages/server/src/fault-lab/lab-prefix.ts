/** All ids of the lab's models begin so. */
export const labPrefix = 'fault-lab/';

export function isLabModel(id: string): boolean {
  return id.startsWith(labPrefix);
}
