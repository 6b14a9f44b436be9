import type { Cause } from '../../../domain/cause.ts';
import { nameOf } from '../../../telemetry/wording.ts';

/** The names that an upstream gives its error: code, type, status, reason, path. */
export type ErrorNames = Readonly<Record<string, unknown>>;

const maxWording = 2_000;

/**
 * The cause of a refusal for the log. `where` and `names` become its detail. `message` becomes its wording, which may hold
 * anything.
 */
export function refusalCause(where: string, names: ErrorNames, message: string): Cause {
  const given = Object.entries(names).flatMap(([name, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [`${name} ${nameOf(value)}`] : [],
  );
  return {
    detail: [where, ...given].join('; '),
    ...(message === '' ? {} : { wording: message.slice(0, maxWording) }),
  };
}
