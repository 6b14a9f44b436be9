import type { JsonObject } from '../domain/json.ts';
import { didYouMean } from '../domain/nearest.ts';
import { unmatchedModels } from '../service/unmatched-models.ts';
import { type Administration, Refused } from './administer.ts';
import type { CommandIo } from './command-io.ts';

/**
 * Warns of entries of `--models` that allow no model now: a mistyped name locks its key out. They are stored all the same, because a
 * model may come later.
 */
export async function warnOfModels(admin: Administration, io: CommandIo, fields: JsonObject): Promise<void> {
  const { models } = fields;
  if (!Array.isArray(models)) return;
  let names: readonly string[];
  try {
    names = await admin.modelNames();
  } catch (error) {
    // The change is done; without the names there is only no warning.
    if (error instanceof Refused) return;
    throw error;
  }
  const entries = models.filter((entry) => typeof entry === 'string');
  for (const entry of unmatchedModels(entries, names))
    io.stderr.write(
      `tailrace: warning: no model is called ${JSON.stringify(entry)} now${didYouMean(entry, names)}\n`,
    );
}
