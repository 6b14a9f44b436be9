import type { Model } from '../routing/catalogue.ts';
import type { Router } from '../routing/router.ts';

/** Models that are in no list, and are made when they are asked for: those of the fault lab. */
export interface UnlistedModels {
  /** Undefined where there is no such model. The configuration's own models are looked for first. */
  find(id: string): Promise<UnlistedModel | undefined>;
}

export interface UnlistedModel {
  readonly model: Model;
  /** Opens one answer of this model. */
  readonly router: Router;
}
