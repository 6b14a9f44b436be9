import type { ReactNode } from 'react';

/** `inBar`: on a phone only its sign is drawn, because the bar has no room for the word. */
export function Brand({ inBar = false }: { readonly inBar?: boolean }): ReactNode {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" />
        <path d="M6 11h13a7 7 0 0 1 7 7v3M6 16h12a3 3 0 0 1 3 3v2M6 21h10" />
      </svg>
      <span className={inBar ? 'narrow-unseen' : undefined}>Tailrace</span>
    </span>
  );
}
