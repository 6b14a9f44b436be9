import type { Windows } from '../limits/contract.ts';
import type { AnswerHeaders } from './exchange.ts';

/** The `x-ratelimit-…` headers as OpenAI has them, for the limits that there are. */
export function rateLimitHeaders(windows: Windows): AnswerHeaders {
  const headers: AnswerHeaders = {};
  for (const name of ['requests', 'tokens'] as const) {
    const window = windows[name];
    if (window === undefined) continue;
    headers[`x-ratelimit-limit-${name}`] = String(window.limit);
    headers[`x-ratelimit-remaining-${name}`] = String(Math.max(0, Math.floor(window.remaining)));
    headers[`x-ratelimit-reset-${name}`] = durationText(window.resetMs);
  }
  return headers;
}

/** `120ms`, `1.5s`, `6m0s`, `1h0m0s`: the form of Go, which OpenAI uses. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole < 1_000) return `${whole}ms`;
  const seconds = whole / 1_000;
  if (seconds < 60) return `${seconds}s`;
  const total = Math.ceil(seconds);
  const hours = Math.floor(total / 3_600);
  const minutes = Math.floor((total % 3_600) / 60);
  return `${hours > 0 ? `${hours}h` : ''}${minutes}m${total % 60}s`;
}
