import { lazy, memo, type ReactNode, Suspense, useState } from 'react';
import type { ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import { branchOf, following, type Message, type ToolCall } from '../chat/message-tree.ts';
import type { Tool } from '../chat/tools.ts';
import { CopyButton } from '../elements/copy-button.tsx';
import { ShortText } from '../elements/short-text.tsx';
import { Markdown } from '../markdown/markdown.tsx';
import { AnswerMenu } from './answer-again.tsx';
import { AnswerMeters } from './answer-meters.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { Thoughts } from './thoughts.tsx';
import { VersionSwitch } from './version-switch.tsx';

const CallsView = lazy(async () => ({ default: (await import('./calls-view.tsx')).CallsView }));
const JsonAnswer = lazy(async () => ({ default: (await import('./json-answer.tsx')).JsonAnswer }));

interface MessageProps {
  readonly message: Message;
  readonly chat: Chat;
  readonly models: readonly ServedModel[];
  /** How many messages stand in this place in all branches, and which of them this is. */
  readonly versions: number;
  readonly version: number;
  /** No message of this branch comes behind it. */
  readonly isLast: boolean;
  /** While an answer comes, nothing can be changed. */
  readonly isLocked: boolean;
  readonly isLive: boolean;
  /** Its calls that wait for a result. */
  readonly openCalls: readonly ToolCall[] | undefined;
  readonly tools: readonly Tool[];
}

const names = { user: 'User', assistant: 'Assistant', tool: 'Tool' } as const;

export const MessageView = memo(function MessageView(props: MessageProps) {
  const { message, chat, models, versions, version, isLast, isLocked, isLive, openCalls, tools } = props;
  const [isEdited, setIsEdited] = useState(false);
  /** Messages that would go with this one, while that is asked. */
  const [behind, setBehind] = useState<number>();
  const { id, role, text, thoughts, calls, format, facts } = message;
  const askToDelete = (): void => {
    const others = following(chat.state().tree, id).length;
    if (others === 0) chat.remove(id);
    else setBehind(others);
  };
  return (
    <article aria-label={names[role]} className={role} aria-busy={isLive}>
      <header>
        <span className="role">
          {names[role]}
          {role === 'tool' && <code>{nameOfCall(chat, message)}</code>}
        </span>
        {versions > 1 && (
          <VersionSwitch chat={chat} messageId={id} at={version} count={versions} isLocked={isLocked} />
        )}
        {!isEdited && (
          <span className="actions">
            {role === 'assistant' && !isLast && (
              <AnswerMenu chat={chat} answerId={id} models={models} isLocked={isLocked} />
            )}
            {text !== '' && <CopyButton text={text} />}
            <button type="button" className="quiet" disabled={isLocked} onClick={() => setIsEdited(true)}>
              Edit
            </button>
            <button type="button" className="quiet" disabled={isLocked} onClick={askToDelete}>
              Delete
            </button>
          </span>
        )}
      </header>
      {behind !== undefined && (
        <DeleteDialog
          behind={behind}
          onDelete={(what) => chat.remove(id, what)}
          onClose={() => setBehind(undefined)}
        />
      )}
      {thoughts !== '' && (
        <Thoughts
          text={thoughts}
          isLive={isLive && text === '' && calls === undefined}
          thoughtMs={facts?.thoughtMs}
        />
      )}
      {isEdited ? (
        <Editor
          text={text}
          canSend={role === 'user'}
          onCancel={() => setIsEdited(false)}
          onSave={(edited, andSend) => {
            setIsEdited(false);
            chat.edit(id, edited, andSend);
          }}
        />
      ) : role === 'user' ? (
        <p className="as-written" dir="auto">
          {text}
        </p>
      ) : role === 'tool' ? (
        <ShortText text={text} />
      ) : format !== undefined && text !== '' ? (
        <Suspense fallback={<ShortText text={text} />}>
          <JsonAnswer message={message} isLive={isLive} />
        </Suspense>
      ) : (
        <Markdown text={text} isComplete={!isLive} />
      )}
      {calls !== undefined && (
        <Suspense fallback={null}>
          <CallsView message={message} chat={chat} tools={tools} open={openCalls} isLive={isLive} />
        </Suspense>
      )}
      {isLive && text === '' && calls === undefined && <p className="waiting">Waiting for the first token</p>}
      {facts !== undefined && <AnswerMeters facts={facts} />}
    </article>
  );
});

/** The function whose result this is. */
function nameOfCall(chat: Chat, { callId }: Message): string | undefined {
  const calls = branchOf(chat.state().tree).flatMap((message) => message.calls ?? []);
  return calls.findLast(({ id }) => id === callId)?.name.slice(0, 200);
}

interface EditorProps {
  readonly text: string;
  readonly canSend: boolean;
  onSave(text: string, andSend: boolean): void;
  onCancel(): void;
}

function Editor({ text, canSend, onSave, onCancel }: EditorProps): ReactNode {
  const [edited, setEdited] = useState(text);
  return (
    <div className="editor">
      <textarea
        aria-label="Edit message"
        // biome-ignore lint/a11y/noAutofocus: the button that was pressed asked for this field.
        autoFocus
        value={edited}
        onChange={(event) => setEdited(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onCancel();
        }}
      />
      <div className="row">
        {canSend && (
          <button type="button" className="primary" onClick={() => onSave(edited, true)}>
            Save and send
          </button>
        )}
        <button type="button" onClick={() => onSave(edited, false)}>
          Save
        </button>
        <button type="button" className="quiet" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}
