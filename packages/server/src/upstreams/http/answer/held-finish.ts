/**
 * How certain the end of an answer is, from the least certain state to the most certain one (contract, section 7, "The finish"):
 *
 * - `open`: a choice has no finish reason.
 * - `doubtful`: each choice has one, but a choice has output after it. Only the protocol's own end makes the answer whole.
 * - `silent`: each choice has one and nothing after it, but a choice has no output. The end of the body makes the answer whole.
 * - `repeated`: each choice has output, a finish reason, and nothing after it, but a choice had output after an earlier reason.
 *   The end of the body makes the answer whole, or 2 s without an event. An error or a cut shows that output is missing.
 * - `held`: each choice has output, its first finish reason, and nothing after it. The answer is whole however it ends.
 */
export type AnswerState = 'open' | 'doubtful' | 'silent' | 'repeated' | 'held';

/**
 * The finish of one choice. Providers write a finish reason on the first event, on every event, on each of several calls, or
 * before the end of the text. So the last reason counts, and output after a reason makes the reason doubtful.
 */
export class HeldFinish<Reason> {
  /** The last reason; undefined while there is none. */
  reason: Reason | undefined;
  /** True once the choice has output. */
  private spoke = false;
  /** True where output has come after the reason. */
  private doubtful = false;
  /** True where output has come after any reason: this provider's reasons prove little. */
  private wasDoubtful = false;

  /** Notes that an event has output for this choice. */
  output(): void {
    this.spoke = true;
    if (this.reason === undefined) return;
    this.doubtful = true;
    this.wasDoubtful = true;
  }

  /** Notes a reason, after the output of the same event. */
  finish(reason: Reason): void {
    this.reason = reason;
    this.doubtful = false;
  }

  get state(): AnswerState {
    if (this.reason === undefined) return 'open';
    if (this.doubtful) return 'doubtful';
    if (!this.spoke) return 'silent';
    return this.wasDoubtful ? 'repeated' : 'held';
  }
}

const byCertainty: readonly AnswerState[] = ['open', 'doubtful', 'silent', 'repeated', 'held'];

/** The state of an answer: that of its least certain choice. */
export function leastCertain(choices: readonly { readonly state: AnswerState }[]): AnswerState {
  let least = byCertainty.length - 1;
  for (const { state } of choices) least = Math.min(least, byCertainty.indexOf(state));
  return byCertainty[least] ?? 'held';
}
