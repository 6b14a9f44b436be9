import type { Config } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { createCatalogue } from '../routing/catalogue.ts';
import { createUpstreams } from '../upstreams/registry.ts';

/** What a start would report of the upstreams of a configuration. */
export interface CheckedUpstreams {
  /** A server with one of these does not start: an upstream's script or certificate is wrong. */
  readonly problems: readonly string[];
  /** A server with these starts: an upstream lacks an ability that a model's target is configured to use. */
  readonly warnings: readonly string[];
}

/** Makes every upstream as a start would, without calling any, and closes them again. */
export async function checkUpstreams(
  { upstreams, models, timeouts }: Config,
  env: Environment,
): Promise<CheckedUpstreams> {
  const created = await createUpstreams(upstreams, { env });
  created.retire();
  const catalogue = createCatalogue(models, created.upstreams, timeouts);
  return { problems: created.problems, warnings: catalogue.takeoverWarnings() };
}
