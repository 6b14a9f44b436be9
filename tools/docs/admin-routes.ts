import { adminOperations } from '../openapi/admin-operations.ts';
import { markdownTable } from './markdown-table.ts';

/** The table of docs/admin-api.md: every route of the administration. */
export function adminRouteTable(): string {
  return markdownTable(
    ['route', 'what it does', 'parameters'],
    Object.entries(adminOperations).map(([place, { summary, parameters = [] }]) => [
      `\`${place}\``,
      summary,
      parameters.map(({ name }) => `\`${name}\``).join(', '),
    ]),
  );
}
