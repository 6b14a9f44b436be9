import type { JsonObject } from '../../domain/json.ts';
import { asTokens, reportedCounts } from '../http/answer/reported-counts.ts';
import { UsageRecord } from '../http/answer/usage-record.ts';
import { asObject } from '../http/unknown-json.ts';

/** The parts of a prompt. `input` excludes tokens read from a cache or written to it: the three together are the prompt. */
interface Prompt {
  readonly input: number;
  readonly cacheRead: number | undefined;
  readonly cacheWritten: number | undefined;
}

const noPrompt: Prompt = { input: 0, cacheRead: undefined, cacheWritten: undefined };

/**
 * The usage of one answer. `message_start` reports the prompt and what the answer has so far; `message_delta` repeats the
 * prompt, or leaves it out, or (other makers' servers with this API) writes zeros.
 */
export class MessageUsage extends UsageRecord {
  private lastPrompt = noPrompt;

  /** Takes the `usage` of an event, after the output before it. */
  take(value: unknown): void {
    const usage = asObject(value);
    if (usage === undefined) return;
    this.lastPrompt = laterPrompt(this.lastPrompt, {
      input: asTokens(usage['input_tokens']) ?? this.lastPrompt.input,
      cacheRead: asTokens(usage['cache_read_input_tokens']) ?? this.lastPrompt.cacheRead,
      cacheWritten: writtenTokens(usage) ?? this.lastPrompt.cacheWritten,
    });
    const counts = reportedCounts(
      {
        prompt: tokensOf(this.lastPrompt),
        completion: usage['output_tokens'],
        cached: this.lastPrompt.cacheRead,
        cacheWrite: this.lastPrompt.cacheWritten,
        reasoning: asObject(usage['output_tokens_details'])?.['thinking_tokens'],
        total: undefined,
      },
      'within',
    );
    if (counts !== undefined) this.report(counts);
  }
}

/**
 * The prompt after one more report. An input of 0 is possible where the cache held the whole prompt. So a report with an input
 * of 0, or with the same input as before, replaces the earlier one only where the whole prompt does not become shorter.
 */
function laterPrompt(before: Prompt, given: Prompt): Prompt {
  const isDoubtful = given.input === 0 || given.input === before.input;
  return isDoubtful && tokensOf(given) < tokensOf(before) ? before : given;
}

function tokensOf({ input, cacheRead = 0, cacheWritten = 0 }: Prompt): number {
  return input + cacheRead + cacheWritten;
}

/** Tokens written to a cache: the sum, else the parts by how long the cache keeps them. */
function writtenTokens(usage: JsonObject): number | undefined {
  const sum = asTokens(usage['cache_creation_input_tokens']);
  if (sum !== undefined) return sum;
  const parts = asObject(usage['cache_creation']);
  if (parts === undefined) return undefined;
  return (
    (asTokens(parts['ephemeral_5m_input_tokens']) ?? 0) + (asTokens(parts['ephemeral_1h_input_tokens']) ?? 0)
  );
}
