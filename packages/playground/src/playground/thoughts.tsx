import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Markdown } from '../markdown/markdown.tsx';

interface ThoughtsProps {
  readonly text: string;
  /** The model thinks now, and has said nothing else yet. */
  readonly isLive: boolean;
  /** For how long it has thought; unknown after a reload. */
  readonly thoughtMs: number | undefined;
}

const tickMs = 100;

/** What the model has thought, folded: it is drawn only where somebody looks, and no screen reader hears it come. */
export function Thoughts({ text, isLive, thoughtMs }: ThoughtsProps): ReactNode {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="thoughts" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{isLive ? <Thinking thoughtMs={thoughtMs} /> : ended(thoughtMs)}</summary>
      {isOpen && <Markdown text={text} isComplete={!isLive} />}
    </details>
  );
}

function ended(thoughtMs: number | undefined): string {
  return thoughtMs === undefined ? 'Thoughts' : `Thought for ${seconds(thoughtMs)}`;
}

/** The time runs on also while no thought comes. */
function Thinking({ thoughtMs }: { thoughtMs: number | undefined }): ReactNode {
  const begun = useRef<number>(undefined);
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  if (thoughtMs === undefined) return 'Thinking…';
  begun.current ??= nowMs - thoughtMs;
  return `Thinking… ${seconds(Math.max(thoughtMs, nowMs - begun.current))}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
