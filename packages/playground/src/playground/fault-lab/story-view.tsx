import { type ReactNode, useEffect, useRef } from 'react';
import { duration } from '../../elements/format.ts';
import type { LabRunState } from './lab-run.ts';
import { isAsExpected } from './remedy.ts';
import { storySteps } from './story-steps.ts';

/** How the last answer through the lab came about, line by line as it happens. */
export function StoryView({ fault, setting, story, pickedUp, ending }: LabRunState): ReactNode {
  const steps = storySteps(story, pickedUp, ending);
  const end = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is new stands at the end.
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'nearest' });
  }, [fault, steps.length]);
  if (fault === undefined) return null;
  const expected = fault.models.find((model) => model.setting === setting)?.expected;
  return (
    <section className="story" aria-label="Story">
      <h3>
        Story of <code>{fault.name}</code>
      </h3>
      <ol>
        {steps.map(({ atMs, kind, text, target, code }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a story only grows at its end.
          <li key={index} className={kind}>
            <span className="time">{atMs === undefined ? '' : duration(atMs)}</span>
            <span>
              {text} {code !== undefined && <code>{code}</code>}
              {target !== undefined && <code className="target">{target}</code>}
            </span>
          </li>
        ))}
      </ol>
      {ending === undefined && <p className="hint">It runs.</p>}
      {ending !== undefined && ending.kind !== 'stopped' && expected !== undefined && (
        <Verdict isExpected={isAsExpected(expected, ending)} />
      )}
      <div ref={end} />
    </section>
  );
}

function Verdict({ isExpected }: { isExpected: boolean }): ReactNode {
  return (
    <p className={isExpected ? 'hint' : 'refused'} role="status">
      {isExpected ? 'As expected.' : 'This is not what was expected of this fault.'}
    </p>
  );
}
