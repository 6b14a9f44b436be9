import { type ReactNode, useState } from 'react';
import { flushSync } from 'react-dom';
import type { ServedModel } from '../api/connection.ts';
import type { Chat } from '../chat/chat.ts';
import type { ParameterName } from '../chat/parameters.ts';
import type { Playground } from '../chat/playground.ts';
import { useWatched } from '../elements/signal.ts';
import { CodeDialog } from './code-dialog.tsx';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { fieldId, ParametersPanel } from './parameters-panel.tsx';
import { type Panel, Toolbar } from './toolbar.tsx';
import { WirePanel } from './wire-panel.tsx';

/** From this width on there is room for a panel beside the chat. Also in `styles.css`. */
const roomForPanel = '(min-width: 1000px)';

interface PlaygroundViewProps {
  readonly playground: Playground;
  readonly chats: readonly Chat[];
  readonly typed: string;
  readonly models: readonly ServedModel[];
}

export function PlaygroundView({ chats, ...props }: PlaygroundViewProps): ReactNode {
  const [chat] = chats;
  return chat === undefined ? null : <ShownChat key={chat.id} chat={chat} {...props} />;
}

interface ShownChatProps extends Omit<PlaygroundViewProps, 'chats'> {
  readonly chat: Chat;
}

function ShownChat({ chat, playground, typed, models }: ShownChatProps): ReactNode {
  const state = useWatched(chat);
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
  return (
    <div className={panel === undefined ? 'playground' : 'playground with-panel'}>
      <Toolbar
        state={state}
        chat={chat}
        models={models}
        panel={panel}
        onPanel={(wanted) => setPanel(panel === wanted ? undefined : wanted)}
        onCode={() => setShowsCode(true)}
        onNewChat={() => playground.newChat()}
      />
      <main>
        <Conversation
          state={state}
          chat={chat}
          models={models}
          onParameter={showParameter}
          onExample={(text) => {
            playground.type(text);
            playground.send();
          }}
        />
        <Composer state={state} typed={typed} playground={playground} />
      </main>
      {panel === 'parameters' && <ParametersPanel state={state} chat={chat} onClose={closePanel} />}
      {panel === 'wire' && <WirePanel wire={state.wire} version={state.wireVersion} onClose={closePanel} />}
      {showsCode && <CodeDialog state={state} typed={typed} onClose={() => setShowsCode(false)} />}
    </div>
  );
}
