/** How long a model's answers were in this process, for the reservation of the next one (contract, section 5). */
export interface LikelyCompletion {
  /**
   * Notes a completed answer. `choices`: how many the request asked for; an answer of several counts once, by the average
   * of its choices.
   */
  note(model: string, completionTokens: number, choices?: number): void;
  /**
   * The likely tokens of one choice: the 95th percentile of the model's last 200 answers, 512 until there are 20, and no
   * more than `maxTokens` of the request.
   */
  of(model: string, maxTokens?: number): number;
}

const kept = 200;
const enough = 20;
const percentile = 0.95;
const untilEnough = 512;

/** A model takes some 2 kB. Ids come from configurations; the bound is for many reloads with other ids. */
const maxModels = 1_000;

/** Creates it without an answer. */
export function createLikelyCompletion(): LikelyCompletion {
  /** In the order of their last answers. */
  const byModel = new Map<string, LastAnswers>();

  return {
    note(model, completionTokens, choices = 1) {
      const answers = byModel.get(model) ?? new LastAnswers();
      byModel.delete(model);
      byModel.set(model, answers);
      answers.add(Math.ceil(completionTokens / choices));
      const [oldest] = byModel.keys();
      if (byModel.size > maxModels && oldest !== undefined) byModel.delete(oldest);
    },
    of(model, maxTokens = Number.POSITIVE_INFINITY) {
      return Math.min(maxTokens, byModel.get(model)?.percentile() ?? untilEnough);
    },
  };
}

class LastAnswers {
  private readonly ring: number[] = [];
  private next = 0;
  /** Undefined: it has to be computed. */
  private known: number | undefined;

  add(tokens: number): void {
    this.ring[this.next] = tokens;
    this.next = (this.next + 1) % kept;
    this.known = undefined;
  }

  /** By the nearest rank; undefined while there are too few. To sort 200 numbers takes 10 µs, once for each new answer. */
  percentile(): number | undefined {
    const { length } = this.ring;
    if (length < enough) return undefined;
    this.known ??= Float64Array.from(this.ring).sort()[Math.ceil(percentile * length) - 1];
    return this.known;
  }
}
