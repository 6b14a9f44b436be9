import { isObject, listIn } from '../../api/json.ts';

/** What stands beside the broken target, as `GET /v1/fault-lab` has it. */
export interface LabSetting {
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** How an answer ends. */
export type Ending =
  | { readonly kind: 'whole' }
  /** The error event of a stream, after its head. */
  | { readonly kind: 'error-event'; readonly code: string }
  | { readonly kind: 'http-error'; readonly status?: number; readonly code: string };

/** How an answer has ended here. */
export type SeenEnding = Ending | { readonly kind: 'stopped' };

export interface LabFault {
  readonly name: string;
  /** What the upstream does. */
  readonly description: string;
  /** Fields that a request needs to get this fault. */
  readonly asks: Readonly<Record<string, unknown>>;
  readonly models: readonly { readonly id: string; readonly setting: string; readonly expected: Ending }[];
}

export interface FaultGroup {
  readonly title: string;
  readonly faults: readonly LabFault[];
}

/** How an answer came about, as `GET /v1/fault-lab/stories?name=` has it. */
export interface Story {
  readonly ended: boolean;
  readonly attempts: readonly Attempt[];
}

/** What another worker of the service has not seen is null. */
export interface Attempt {
  readonly target: string;
  readonly mode: string | null;
  readonly outcome: string;
  readonly failure: string | null;
  readonly asked_ms: number | null;
  readonly ended_ms: number | null;
  readonly delivered_tokens: number | null;
}

// The page comes from the same server as these answers: their form is that of this version.

export function settingsIn(body: unknown): readonly LabSetting[] {
  return isObject(body) && Array.isArray(body['settings']) ? (body['settings'] as LabSetting[]) : [];
}

export function groupsIn(body: unknown): readonly FaultGroup[] {
  return listIn(body) as FaultGroup[];
}

/** The story of the name that was asked for; undefined where there is none yet. */
export function storyIn(body: unknown): Story | undefined {
  return listIn(body)[0] as Story | undefined;
}
