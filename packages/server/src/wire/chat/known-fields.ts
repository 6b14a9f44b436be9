import { requestFields } from '../../domain/request-fields.ts';

export const knownFields = requestFields;

export function isKnownField(key: string): boolean {
  return knownFields.has(key);
}
