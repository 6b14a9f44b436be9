import type { Cause } from '../../../domain/cause.ts';
import { nameOf } from '../../../telemetry/wording.ts';

/** What an upstream names its error by: what it gives of code, type, status, reason and path. */
export type ErrorNames = Readonly<Record<string, unknown>>;

const maxWording = 2_000;

/** A refusal for the log: where it was met, its names, and apart from these its wording, which may hold anything. */
export function refusalCause(where: string, names: ErrorNames, message: string): Cause {
  const told = Object.entries(names).flatMap(([name, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [`${name} ${nameOf(value)}`] : [],
  );
  return {
    detail: [where, ...told].join('; '),
    ...(message === '' ? {} : { wording: message.slice(0, maxWording) }),
  };
}
