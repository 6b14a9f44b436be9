import type { OpeningFailure } from '../opening.ts';

/** Why a store cannot be used whose schema is `found`, by a version that has migrations up to `known`. */
export function newerSchema(where: string, found: number, known: number): OpeningFailure {
  return {
    ok: false,
    reason: 'newer-schema',
    message: `${where} has schema ${found}, and this version of Tailrace knows schemas up to ${known}; use the version that made it, or a newer one`,
  };
}

/** Why a store cannot be read as it is: undefined where its schema is that of this version. */
export function unreadableSchema(where: string, found: number, known: number): OpeningFailure | undefined {
  if (found === known) return undefined;
  if (found > known) return newerSchema(where, found, known);
  return {
    ok: false,
    reason: 'older-schema',
    message: `${where} has schema ${found}, and this version of Tailrace reads schema ${known}; run "tailrace db migrate", or start a server of this version: from then on older versions do not open it. Or use the version that made it`,
  };
}
