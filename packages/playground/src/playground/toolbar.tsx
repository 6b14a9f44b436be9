import type { ReactNode } from 'react';
import type { ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import type { ChatState } from '../chat/chat-state.ts';
import { Switch } from '../elements/switch.tsx';
import { ModelDetails } from './model-details.tsx';

export type Panel = 'parameters' | 'tools' | 'wire' | 'fault-lab' | 'history';

interface ToolbarProps {
  readonly state: ChatState;
  readonly chat: Chat;
  readonly models: readonly ServedModel[];
  readonly panel: Panel | undefined;
  /** Whether this server has the fault lab, and the key may use it. */
  readonly hasFaultLab: boolean;
  onPanel(panel: Panel): void;
  onCode(): void;
  /** Where several chats are shown, each has its model; this says which of them the views are of. */
  readonly laneName?: string | undefined;
  /** What can be done with the chat as a whole. */
  readonly children: ReactNode;
}

/** The model of the chat, how it answers, and the ways to look at it. */
export function Toolbar(props: ToolbarProps): ReactNode {
  const { state, chat, models, panel, hasFaultLab, onPanel, onCode, laneName, children } = props;
  const { model, stream, failure, tools } = state;
  const chosen = models.find(({ id }) => id === model);
  return (
    <section className="toolbar" aria-label="The request">
      {laneName !== undefined ? (
        <p className="model lane-name">
          {laneName} <span className="hint">{model}</span>
        </p>
      ) : (
        <>
          <div className="model">
            <label htmlFor="model" className="narrow-unseen">
              Model
            </label>
            <select
              id="model"
              value={model}
              aria-invalid={failure?.param === 'model'}
              onChange={(event) => chat.set({ model: event.target.value })}
            >
              {chosen === undefined && <option value={model}>{model || 'none here'}</option>}
              {models.map(({ id }) => (
                <option key={id} value={id}>
                  {id}
                </option>
              ))}
            </select>
            {chosen !== undefined && <ModelDetails key={chosen.id} model={chosen} />}
          </div>
          <Switch isOn={stream} onSet={(isOn) => chat.set({ stream: isOn })}>
            Stream
          </Switch>
        </>
      )}
      <div className="ways">
        <fieldset className="views" aria-label="Views">
          <button type="button" aria-pressed={panel === 'parameters'} onClick={() => onPanel('parameters')}>
            Parameters
          </button>
          <button type="button" aria-pressed={panel === 'tools'} onClick={() => onPanel('tools')}>
            Tools
            {tools.all.length > 0 && (
              <span className="count" aria-hidden="true">
                {' '}
                {tools.all.length}
              </span>
            )}
          </button>
          <button type="button" aria-pressed={panel === 'wire'} onClick={() => onPanel('wire')}>
            Wire
          </button>
          {hasFaultLab && (
            <button type="button" aria-pressed={panel === 'fault-lab'} onClick={() => onPanel('fault-lab')}>
              Fault lab
            </button>
          )}
          <button type="button" aria-haspopup="dialog" onClick={onCode}>
            Code
          </button>
        </fieldset>
        <div className="apart">{children}</div>
      </div>
    </section>
  );
}
