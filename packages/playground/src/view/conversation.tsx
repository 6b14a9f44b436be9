import { type ReactNode, useLayoutEffect, useRef } from 'react';
import type { PageState } from '../chat/chat-state.ts';
import { fieldOf, type ParameterName } from '../chat/parameters.ts';
import type { Playground } from '../chat/playground.ts';
import { FailureAlert } from './failure-alert.tsx';
import { MessageView } from './message-view.tsx';

interface ConversationProps {
  readonly state: PageState;
  readonly playground: Playground;
  /** Shows the field of a parameter. */
  onParameter(name: ParameterName): void;
}

/** So near to the end, in pixels, the reader wants to see what comes. */
const nearEndPx = 60;

export function Conversation({ state, playground, onParameter }: ConversationProps): ReactNode {
  const { messages, failure, running, system } = state;
  const scroller = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is drawn anew may have grown.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && follows.current) element.scrollTop = element.scrollHeight;
  }, [messages, failure]);
  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) return;
    follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < nearEndPx;
  };
  const last = messages.at(-1);
  const refused = fieldOf(failure?.param);
  const canRegenerate = !running && messages.some(({ role }) => role === 'user');
  return (
    <div className="conversation" ref={scroller} onScroll={onScroll}>
      <div className="column">
        <div className="system">
          <label htmlFor="system">System prompt</label>
          <textarea
            id="system"
            rows={1}
            placeholder="How should the model answer?"
            value={system}
            onChange={(event) => playground.set({ system: event.target.value })}
          />
        </div>
        {messages.length === 0 && failure === undefined && <Welcome playground={playground} />}
        {messages.map((message) => (
          <MessageView
            key={message.id}
            message={message}
            playground={playground}
            isLocked={running}
            isLive={running && message === last}
          />
        ))}
        {failure !== undefined && (
          <FailureAlert failure={failure}>
            {refused !== undefined && (
              <button type="button" onClick={() => onParameter(refused)}>
                Show the field
              </button>
            )}
          </FailureAlert>
        )}
        {canRegenerate && (
          <div className="again">
            <button type="button" onClick={() => playground.regenerate()}>
              Regenerate
            </button>
          </div>
        )}
        <p className="unseen" role="status">
          {running
            ? 'The answer has begun.'
            : last?.facts === undefined
              ? ''
              : `The answer has ended: ${last.facts.state}.`}
        </p>
      </div>
    </div>
  );
}

const examples = [
  'What is gravity?',
  'Write a haiku about a mill stream.',
  'List three uses of salt, as a table.',
];

function Welcome({ playground }: { playground: Playground }): ReactNode {
  return (
    <section className="welcome" aria-label="Begin">
      <h2>Ask, and see it stream</h2>
      <p>What you send here goes to the same API as your code: Wire shows each event, Code the request.</p>
      <ul>
        {examples.map((text) => (
          <li key={text}>
            <button
              type="button"
              onClick={() => {
                playground.set({ typed: text });
                playground.send();
              }}
            >
              {text}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
