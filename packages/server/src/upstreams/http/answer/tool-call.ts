import type { JsonObject } from '../../../domain/json.ts';
import type { CallArguments } from '../../call-arguments.ts';

/** One tool call of a choice, as far as it has come. */
export interface Call {
  /** Its place among all calls that have begun, dropped ones included. */
  readonly place: number;
  readonly index: number | undefined;
  /** As the upstream sent it. */
  id: string | undefined;
  name: string | undefined;
  extra: JsonObject | undefined;
  readonly args: CallArguments;
  /** The upstream sends the name again with later pieces. */
  repeatsName: boolean;
  /** Its id in the events, once it has started. */
  startedId: string | undefined;
  readonly whole: boolean;
  readonly listed: boolean;
  /** No more pieces of it can come. */
  ended: boolean;
  /** It was closed with `{}`, because the arguments of a later call had begun. */
  closedEmpty: boolean;
  /** Its name came again behind an empty object, without an id: more arguments may be its own or those of another call. */
  unsure: boolean;
  /** It repeats an earlier call. */
  dropped: boolean;
  /** Earlier calls that it may repeat; undefined until they are looked for. */
  twins: readonly Call[] | undefined;
}

/** Whether a call may be an earlier one with the same name again. A call that comes whole is so only with its id. */
export function mayRepeat(call: Call, earlier: Call): boolean {
  if (call.whole) return call.index === earlier.index && isSame(earlier.id, call.id);
  if (call.index === undefined || call.index === earlier.index) return mayBeSame(earlier.id, call.id);
  // Two calls of one list are two calls, whatever their ids.
  return call.listed && !earlier.listed && isSame(earlier.id, call.id);
}

/** Whether both ids are known, and equal. */
export function isSame(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one === other;
}

/** Whether two calls may have the same id: one that is absent says nothing. */
export function mayBeSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}
