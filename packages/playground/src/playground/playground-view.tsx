import { lazy, type ReactNode, Suspense, useState } from 'react';
import { flushSync } from 'react-dom';
import type { Connection, ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import type { History } from '../chat/history/history.ts';
import type { ParameterName } from '../chat/parameters.ts';
import type { Playground } from '../chat/playground.ts';
import { useWatched } from '../elements/signal.ts';
import { useShortcuts } from '../shortcuts/use-shortcuts.ts';
import { ChatActions } from './chat-actions.tsx';
import { Composer, messageId } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { useLabSettings } from './fault-lab/use-lab-settings.ts';
import { Notices } from './notices.tsx';
import { fieldId, ParametersPanel } from './parameters-panel.tsx';
import { type Panel, Toolbar } from './toolbar.tsx';

const CodeDialog = lazy(async () => ({ default: (await import('./code-dialog.tsx')).CodeDialog }));
const WirePanel = lazy(async () => ({ default: (await import('./wire-panel.tsx')).WirePanel }));

const FaultLabPanel = lazy(async () => ({
  default: (await import('./fault-lab/fault-lab-panel.tsx')).FaultLabPanel,
}));
const HistoryPanel = lazy(async () => ({
  default: (await import('./history/history-panel.tsx')).HistoryPanel,
}));

/** From this width on there is room for a panel beside the chat. Also in `styles.css`. */
const roomForPanel = '(min-width: 1000px)';

interface PlaygroundViewProps {
  readonly playground: Playground;
  readonly history: History;
  readonly models: readonly ServedModel[];
  readonly connection: Connection;
}

export function PlaygroundView(props: PlaygroundViewProps): ReactNode {
  const { chats } = useWatched(props.playground);
  const [chat] = chats;
  return chat === undefined ? null : <ShownChats {...props} chats={chats} chat={chat} />;
}

interface ShownChatsProps extends PlaygroundViewProps {
  readonly chats: readonly Chat[];
  /** The one that the toolbar and the panels are for. */
  readonly chat: Chat;
}

function ShownChats({ chats, chat, playground, history, models, connection }: ShownChatsProps): ReactNode {
  const labSettings = useLabSettings(connection);
  const state = useWatched(chat);
  const { typed, running, notice } = useWatched(playground);
  const [panel, setPanel] = useState<Panel | undefined>(() =>
    window.matchMedia(roomForPanel).matches ? 'parameters' : undefined,
  );
  const [showsCode, setShowsCode] = useState(false);
  const closePanel = (): void => setPanel(undefined);
  const showParameter = (name: ParameterName): void => {
    // The field has to be there before it can have the focus.
    flushSync(() => setPanel('parameters'));
    document.getElementById(fieldId(name))?.focus();
  };
  const toggle = (wanted: Panel): void => setPanel(panel === wanted ? undefined : wanted);
  useShortcuts({
    newChat: () => playground.newChat(),
    message: () => document.getElementById(messageId)?.focus(),
    stop: () => playground.stop(),
    regenerate: () => chat.regenerate(),
    parameters: () => toggle('parameters'),
    wire: () => toggle('wire'),
    code: () => setShowsCode(true),
  });
  return (
    <div className={panel === undefined ? 'playground' : 'playground with-panel'}>
      <Toolbar
        state={state}
        chat={chat}
        models={models}
        panel={panel}
        hasFaultLab={labSettings.length > 0}
        onPanel={toggle}
        onCode={() => setShowsCode(true)}
      >
        <ChatActions chats={chats} running={running} panel={panel} onPanel={toggle} playground={playground} />
      </Toolbar>
      <main>
        <Notices notice={notice} history={history} onDismiss={() => playground.dismissNotice()} />
        <Conversation
          key={chat.id}
          state={state}
          chat={chat}
          models={models}
          onParameter={showParameter}
          onExample={(text) => {
            playground.type(text);
            playground.send();
          }}
        />
        <Composer
          chats={chats}
          running={chats.some(({ id }) => running.has(id))}
          typed={typed}
          playground={playground}
        />
      </main>
      {panel === 'parameters' && <ParametersPanel state={state} chat={chat} onClose={closePanel} />}
      {panel === 'history' && (
        <Suspense fallback={<aside className="panel" aria-busy="true" />}>
          <HistoryPanel
            history={history}
            playground={playground}
            shown={chats.map(({ id }) => id)}
            running={running}
            onOpened={() => {
              if (!window.matchMedia(roomForPanel).matches) closePanel();
            }}
            onClose={closePanel}
          />
        </Suspense>
      )}
      <Suspense>
        {panel === 'wire' && <WirePanel wire={state.wire} version={state.wireVersion} onClose={closePanel} />}
        {panel === 'fault-lab' && (
          <FaultLabPanel
            {...{ state, chat, playground, connection }}
            settings={labSettings}
            onClose={closePanel}
          />
        )}
        {showsCode && <CodeDialog state={state} typed={typed} onClose={() => setShowsCode(false)} />}
      </Suspense>
    </div>
  );
}
