import type { Target } from './targets.ts';

interface Answer {
  readonly tokens: number;
  readonly firstMs: number;
  /** Between two pieces of text. */
  readonly gapsMs: readonly number[];
}

/**
 * One streamed completion, read to its end. Throws where the answer is not whole, because its figures would not be
 * comparable.
 */
async function complete(target: Target, content: string, maxTokens: number, seed: number): Promise<Answer> {
  const begun = performance.now();
  const response = await fetch(`${target.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${target.key}` },
    body: JSON.stringify({
      model: target.model,
      messages: [{ role: 'user', content }],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: maxTokens,
      temperature: 1,
      seed,
      // Tokens that end an answer are forbidden, so that each answer has its whole length.
      logit_bias: target.endTokens,
      ...target.plain,
    }),
  });
  if (!response.ok || response.body === null) {
    throw new Error(`${target.name}: ${response.status} ${await response.text()}`);
  }
  let text = '';
  let buffer = '';
  let tokens = 0;
  let done = false;
  let lastAt = begun;
  let firstMs = 0;
  const gapsMs: number[] = [];
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    buffer += decoder.decode(bytes, { stream: true });
    for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (!line.startsWith('data: ')) continue;
      if (line === 'data: [DONE]') {
        done = true;
        continue;
      }
      const chunk = JSON.parse(line.slice(6)) as {
        choices: { delta: { content?: string } }[];
        usage?: { completion_tokens: number } | null;
      };
      tokens = chunk.usage?.completion_tokens ?? tokens;
      const said = chunk.choices[0]?.delta.content ?? '';
      if (said === '') continue;
      const now = performance.now();
      if (text === '') firstMs = now - begun;
      else gapsMs.push(now - lastAt);
      text += said;
      lastAt = now;
    }
  }
  if (!done || tokens !== maxTokens || text === '') {
    throw new Error(`${target.name}: an answer of ${tokens} tokens instead of ${maxTokens}, done: ${done}`);
  }
  return { tokens, firstMs, gapsMs };
}

/** Tokens a second over all streams, from the first request to the last token. */
export async function totalRate(target: Target, streams: number, tokens: number): Promise<number> {
  const begun = performance.now();
  const answers = await Promise.all(
    Array.from({ length: streams }, (_, index) =>
      complete(target, `Write about the number ${streams * 100 + index}.`, tokens, index + 1),
    ),
  );
  const total = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  return (1000 * total) / (performance.now() - begun);
}

export async function timeToFirst(target: Target, prompt: string): Promise<number> {
  return (await complete(target, prompt, 2, 1)).firstMs;
}

/** Gaps of a live stream while two prompts of 1,400 tokens are read, and the TTFT of a short request behind these. */
export async function gapsBesidePrompts(
  target: Target,
  round: number,
): Promise<{ readonly gapsMs: readonly number[]; readonly firstMs: number }> {
  const live = complete(target, 'Tell me a long story.', 200, 3);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const long = [1, 2].map((index) => complete(target, story(1400, 50 * round + index), 2, 1));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const short = await complete(target, `Hello number ${round}!`, 4, 1);
  const { gapsMs } = await live;
  await Promise.all(long);
  return { gapsMs, firstMs: short.firstMs };
}

/** A text of about that many tokens, with a different beginning for each number. */
export function story(tokens: number, number: number): string {
  return `${number}: ${' the river ran past the mill and'.repeat(Math.ceil(tokens / 7))}`;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
