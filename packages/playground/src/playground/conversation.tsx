import { type ReactNode, useEffect, useId, useLayoutEffect, useRef } from 'react';
import type { ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import type { ChatState } from '../chat/chat-state.ts';
import { branchOf } from '../chat/message-tree.ts';
import { fieldOf, type RequestField } from '../chat/request-fields.ts';
import { openCalls } from '../chat/tool-results.ts';
import { FailureAlert } from '../elements/failure-alert.tsx';
import { AgainRow } from './answer-again.tsx';
import { MessageView } from './message-view.tsx';

interface ConversationProps {
  readonly state: ChatState;
  readonly chat: Chat;
  readonly models: readonly ServedModel[];
  /** Shows the field in which a part of the request is written. */
  onField(field: RequestField): void;
  /** Asks one of the questions to begin with; absent where none are shown. */
  readonly onExample?: (text: string) => void;
}

/** So near to the end, in pixels, the reader wants to see what comes. */
const nearEndPx = 60;

/** For so long what was drawn may still grow by itself: a part that has to be loaded first, and colours. */
const settlesMs = 1_000;

export function Conversation(props: ConversationProps): ReactNode {
  const { state, chat, models, onField, onExample } = props;
  const { tree, failure, running, system, model } = state;
  const systemId = useId();
  const messages = branchOf(tree);
  const versionsAt = Map.groupBy(tree.all, ({ parentId }) => parentId);
  const scroller = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const drawnAt = useRef(0);
  useLayoutEffect(() => {
    // Whoever asks wants to see the answer.
    if (running) follows.current = true;
  }, [running]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is drawn anew may have grown.
  useLayoutEffect(() => {
    drawnAt.current = performance.now();
    if (follows.current) showEnd(scroller.current);
  }, [tree, failure]);
  useEffect(() => {
    const element = scroller.current;
    if (element?.firstElementChild == null) return;
    const observer = new ResizeObserver(() => {
      if (follows.current && performance.now() - drawnAt.current < settlesMs) showEnd(element);
    });
    observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) return;
    follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < nearEndPx;
  };
  const last = messages.at(-1);
  const refused = fieldOf(failure?.param, state);
  const open = running ? undefined : openCalls(tree);
  const canRegenerate = !running && messages.some(({ role }) => role === 'user');
  return (
    <div className="conversation" ref={scroller} onScroll={onScroll}>
      <div className="column">
        <div className="system">
          <label htmlFor={systemId}>System prompt</label>
          <textarea
            id={systemId}
            rows={1}
            placeholder="How should the model answer?"
            value={system}
            onChange={(event) => chat.set({ system: event.target.value })}
          />
        </div>
        {messages.length === 0 && failure === undefined && onExample !== undefined && (
          <Welcome onExample={onExample} />
        )}
        {messages.map((message) => {
          const versions = versionsAt.get(message.parentId) ?? [];
          return (
            <MessageView
              key={message.id}
              message={message}
              chat={chat}
              models={models}
              versions={versions.length}
              version={versions.indexOf(message)}
              isLast={message === last}
              isLocked={running}
              isLive={running && message === last}
              openCalls={open?.messageId === message.id ? open.calls : undefined}
              tools={state.tools.all}
            />
          );
        })}
        {failure !== undefined && (
          <FailureAlert failure={failure}>
            {refused !== undefined && (
              <button type="button" onClick={() => onField(refused)}>
                Show the field
              </button>
            )}
          </FailureAlert>
        )}
        {canRegenerate && <AgainRow chat={chat} model={model} last={last} models={models} />}
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

function showEnd(scroller: HTMLElement | null): void {
  if (scroller !== null) scroller.scrollTop = scroller.scrollHeight;
}

const examples = [
  'What is gravity?',
  'Write a haiku about a mill stream.',
  'List three uses of salt, as a table.',
];

function Welcome({ onExample }: { onExample(text: string): void }): ReactNode {
  return (
    <section className="welcome" aria-label="Begin">
      <h2>Ask, and see it stream</h2>
      <p>What you send here goes to the same API as your code: Wire shows each event, Code the request.</p>
      <ul>
        {examples.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => onExample(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
