import { type ReactNode, useState } from 'react';
import { flushSync } from 'react-dom';
import type { ParameterName } from '../chat/parameters.ts';
import type { Playground } from '../chat/playground.ts';
import { CodeDialog } from './code-dialog.tsx';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { Header, type Panel } from './header.tsx';
import { fieldId, ParametersPanel } from './parameters-panel.tsx';
import { SignIn } from './sign-in.tsx';
import { usePageState } from './use-playground.ts';
import { WirePanel } from './wire-panel.tsx';

/** From this width on there is room for a panel beside the chat. Also in `styles.css`. */
const roomForPanel = '(min-width: 1000px)';

export function App({ playground }: { playground: Playground }): ReactNode {
  const state = usePageState(playground);
  const [panel, setPanel] = useState<Panel | undefined>(() =>
    window.matchMedia(roomForPanel).matches ? 'parameters' : undefined,
  );
  const [showsCode, setShowsCode] = useState(false);
  if (state.access === 'looking') return <main className="looking" aria-busy="true" />;
  if (state.access === 'refused') {
    return <SignIn failure={state.accessFailure} onSignIn={(key) => playground.signIn(key)} />;
  }
  const closePanel = (): void => setPanel(undefined);
  const showParameter = (name: ParameterName): void => {
    // The field has to be there before it can have the focus.
    flushSync(() => setPanel('parameters'));
    document.getElementById(fieldId(name))?.focus();
  };
  return (
    <div className={panel === undefined ? 'page' : 'page with-panel'}>
      <Header
        state={state}
        playground={playground}
        panel={panel}
        onPanel={(wanted) => setPanel(panel === wanted ? undefined : wanted)}
        onCode={() => setShowsCode(true)}
      />
      <main>
        <Conversation state={state} playground={playground} onParameter={showParameter} />
        <Composer state={state} playground={playground} />
      </main>
      {panel === 'parameters' && (
        <ParametersPanel state={state} playground={playground} onClose={closePanel} />
      )}
      {panel === 'wire' && <WirePanel wire={state.wire} version={state.wireVersion} onClose={closePanel} />}
      {showsCode && <CodeDialog state={state} onClose={() => setShowsCode(false)} />}
    </div>
  );
}
