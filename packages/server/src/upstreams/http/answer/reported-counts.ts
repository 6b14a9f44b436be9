import { asCount } from '../unknown-json.ts';

/** The counts of one report of usage, each as it came. */
export interface RawCounts {
  readonly prompt: unknown;
  readonly completion: unknown;
  readonly cached: unknown;
  readonly cacheWrite: unknown;
  readonly reasoning: unknown;
  readonly total: unknown;
}

/** The counts of one report that are possible. */
export interface ReportedCounts {
  /** 0 where the report has no such count, or an impossible one. A prompt has at least one token. */
  readonly prompt: number;
  /** 0 where the report has no such count, or an impossible one, or counts no output yet. */
  readonly completion: number;
  /** True where the report lacks a part of the completion: it may have more tokens than {@link completion}. */
  readonly partial: boolean;
  readonly cached: number | undefined;
  /** Tokens of the prompt that were written to a cache. */
  readonly cacheWrite: number | undefined;
  readonly reasoning: number | undefined;
}

/**
 * Decodes the counts of one report, by the rules of the contract (section 3, Usage). `reasoningIs` says how this provider
 * counts where no total shows it: the completion includes the reasoning tokens (`within`) or not (`beside`). Undefined where
 * the report has no count of tokens.
 */
export function reportedCounts(raw: RawCounts, reasoningIs: 'within' | 'beside'): ReportedCounts | undefined {
  const prompt = asTokens(raw.prompt);
  const answered = asTokens(raw.completion);
  const cached = asTokens(raw.cached);
  const reasoning = asTokens(raw.reasoning);
  const total = asTokens(raw.total) ?? 0;
  if (prompt === undefined && answered === undefined && reasoning === undefined) return undefined;
  const counts = { prompt: prompt ?? 0, answered: answered ?? 0, reasoning: reasoning ?? 0, total };
  const { completion, partial } = completionOf(counts, reasoningIs);
  return {
    prompt:
      counts.prompt > 0 || partial || completion === 0 ? counts.prompt : Math.max(0, total - completion),
    completion,
    partial,
    cached,
    cacheWrite: asTokens(raw.cacheWrite),
    reasoning,
  };
}

interface PossibleCounts {
  readonly prompt: number;
  readonly answered: number;
  readonly reasoning: number;
  readonly total: number;
}

function completionOf(
  { prompt, answered, reasoning, total }: PossibleCounts,
  reasoningIs: 'within' | 'beside',
): Pick<ReportedCounts, 'completion' | 'partial'> {
  const rest = prompt > 0 ? total - prompt : 0;
  // A completion of 0 is impossible for delivered output, and the total counts that output.
  if (answered === 0 && rest > 0 && rest >= reasoning) return { completion: rest, partial: false };
  if (answered === 0) return { completion: reasoning, partial: reasoning > 0 };
  const sum = answered + reasoning;
  const fitsWithin = reasoning <= answered;
  // Without a prompt the total shows only that more than the sum was counted.
  const isBeside = rest === sum || (prompt === 0 && !fitsWithin && total > sum);
  const isWithin = fitsWithin && (rest === answered || reasoningIs === 'within');
  const added = isBeside || (!isWithin && reasoningIs === 'beside');
  return { completion: added ? sum : answered, partial: false };
}

/** A count of tokens, also where a server writes it as a text; undefined where it is no count. */
export function asTokens(value: unknown): number | undefined {
  return asCount(typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value);
}
