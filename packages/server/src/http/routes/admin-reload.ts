import { asciiJson } from '@tailrace/protocol';
import type { ChangedSetting } from '../../config/changed-settings.ts';
import { formatProblem, type ReloadProblem } from '../../config/config-problem.ts';
import { failure } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { BodyBudget } from '../body-budget.ts';
import { readNoFields, readWrite } from '../read-write.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';

/** How a reload ended. With problems nothing has changed; without any the whole new configuration is in force. */
export interface Reloaded {
  readonly problems: readonly ReloadProblem[];
  /** What is different in the configuration that is in force now. */
  readonly changed: readonly ChangedSetting[];
  /** What the operator should know of the configuration that is in force now. */
  readonly warnings: readonly string[];
}

/** `POST /admin/v1/reload`: does the same as SIGHUP. `budget`: the account of bodies as bytes. */
export function adminReloadRoute(reload: () => Promise<Reloaded>, budget: BodyBudget): Route {
  return {
    method: 'POST',
    path: '/admin/v1/reload',
    access: 'admin',
    handle: async (exchange) => {
      const asked = await readWrite(exchange, budget);
      const nothing = asked.ok ? readNoFields(asked.value.body) : asked;
      if (!nothing.ok) return replyFailure(exchange, nothing.failure);
      const { problems, changed, warnings } = await reload();
      if (problems.length === 0) {
        const told = warnings.length === 0 ? {} : { warnings };
        return replyJson(exchange, 200, asciiJson({ reloaded: true, changed, ...told }));
      }
      const message = `The configuration was not reloaded; the old one stays in force.\n${problems.map(formatProblem).join('\n')}`;
      return replyFailure(
        exchange,
        failure('invalid_value', message),
        {},
        { problems: problems.map(problemJson) },
      );
    },
  };
}

/** Where it is, without the text of its line: that may hold a secret. */
function problemJson({ source, line, column, path, message }: ReloadProblem): JsonObject {
  return { source: source ?? null, line: line ?? null, column: column ?? null, path: path ?? null, message };
}
