/** Advisory locks of this schema: numbers that nothing else uses. The letters are `tailrace`. */
export const locks = {
  migrations: '8386099895636943717',
  partitions: '8386099895636943718',
  outbox: '8386099895636943719',
  retirement: '8386099895636943720',
} as const;

/**
 * Statements that settle records of days which may be retired wait for the steps of a retirement, and these for them: otherwise
 * the two would not see each other's changes of one record.
 */
export const lockRetired = `SELECT pg_advisory_xact_lock(${locks.retirement})`;
export const lockRetirement = `SELECT pg_advisory_xact_lock_shared(${locks.retirement})`;

/** The first number of the locks of budgets; the second is made of the scope. */
const budgetClass = 0x7461696c;

/**
 * The statement that locks the budgets of these scopes until the end of the transaction: admissions of other replicas wait, and
 * everything else continues. In one order, so that two of them cannot wait for each other. Scopes of one number share a lock.
 */
export function lockScopes(scopes: Iterable<string>): string {
  const numbers = [...new Set([...scopes].map(numberOf))].sort((a, b) => a - b);
  return numbers.map((number) => `SELECT pg_advisory_xact_lock(${budgetClass}, ${number})`).join('; ');
}

/** FNV-1a, 32 bits, signed. */
function numberOf(scope: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < scope.length; index += 1) {
    hash = Math.imul(hash ^ scope.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
