import type { ReactNode } from 'react';
import type { ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import { continuationOf } from '../chat/continuation.ts';
import type { Message } from '../chat/message-tree.ts';
import { MenuButton } from '../elements/menu-button.tsx';
import './answer-again.css';

interface AgainRowProps {
  readonly chat: Chat;
  readonly model: string;
  readonly last: Message | undefined;
  readonly models: readonly ServedModel[];
}

/** What can be asked once more at the end of a chat. */
export function AgainRow({ chat, model, last, models }: AgainRowProps): ReactNode {
  const continuation = continuationOf(last, models.find(({ id }) => id === model)?.capabilities);
  return (
    <div className="again">
      <span className="joined">
        <button type="button" onClick={() => chat.regenerate()}>
          Regenerate
        </button>
        <MenuButton
          name="With another model"
          items={models.map(({ id }) => ({ id, name: id }))}
          onChoose={(other) => chat.regenerate({ model: other })}
        >
          ▾
        </MenuButton>
      </span>
      {continuation !== undefined && (
        <>
          <button
            type="button"
            disabled={!continuation.isPossible}
            aria-describedby="continuation"
            onClick={() => chat.continueAnswer()}
          >
            Continue
          </button>
          {!continuation.isPossible && (
            <p id="continuation" className="hint">
              {continuation.reason}
            </p>
          )}
        </>
      )}
    </div>
  );
}

interface AnswerMenuProps {
  readonly chat: Chat;
  readonly answerId: string;
  readonly models: readonly ServedModel[];
  readonly isLocked: boolean;
}

const sameModel = '';

/** For an answer in the middle of a chat: asks for it again, in a branch that ends there. */
export function AnswerMenu({ chat, answerId, models, isLocked }: AnswerMenuProps): ReactNode {
  return (
    <MenuButton
      name="Ask again"
      className="quiet"
      isDisabled={isLocked}
      items={[
        { id: sameModel, name: 'With the model of this chat' },
        ...models.map(({ id }) => ({ id, name: id })),
      ]}
      onChoose={(model) => chat.regenerate(model === sameModel ? { answerId } : { answerId, model })}
    />
  );
}
