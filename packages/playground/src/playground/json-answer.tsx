import { type ReactNode, useMemo, useState } from 'react';
import type { Message } from '../chat/message-tree.ts';
import { ChoiceBar, choicesNamed } from '../elements/choice-bar.tsx';
import { ShortText } from '../elements/short-text.tsx';
import { useChecks } from '../json/checks.ts';
import { JsonTree } from '../json/json-tree.tsx';
import { describeFault } from '../json/partial-json.ts';
import './json-answer.css';

const views = choicesNamed('Tree', 'Text');
type View = (typeof views)[number]['id'];

/** An answer that should be JSON: as a tree that grows, or as the text that came; at its end with what its schema says of it. */
export function JsonAnswer({ message, isLive }: { message: Message; isLive: boolean }): ReactNode {
  const { text, format } = message;
  const [view, setView] = useState<View>('Tree');
  return (
    <div className="json-answer">
      <div className="row">
        <ChoiceBar name="View of the answer" choices={views} chosen={view} onChoose={setView} />
        {!isLive && <Verdict text={text} schema={format?.schema} />}
      </div>
      {view === 'Tree' ? (
        <JsonTree text={text} isLive={isLive} label="The answer as a tree" />
      ) : (
        <ShortText text={text} />
      )}
    </div>
  );
}

/** Whether a text follows its schema, or is JSON where there is none. */
export function Verdict({ text, schema }: { text: string; schema: string | undefined }): ReactNode {
  const checks = useChecks(schema !== undefined);
  const errors = useMemo(() => {
    const fault = describeFault(text);
    if (fault !== undefined) return [fault];
    return schema === undefined ? [] : checks?.checkValue(text, schema);
  }, [text, schema, checks]);
  if (errors === undefined) return null;
  if (errors.length === 0) return <span className="verdict">{schema === undefined ? 'JSON' : 'valid'}</span>;
  return (
    <ul className="verdict refused" aria-label="Errors">
      {errors.map((error) => (
        <li key={error}>{error}</li>
      ))}
    </ul>
  );
}
