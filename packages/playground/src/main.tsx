import { createRoot } from 'react-dom/client';
import { createAccess } from './api/access.ts';
import { randomId } from './api/random-id.ts';
import { codeIn } from './api/session.ts';
import { App } from './app/app.tsx';
import { BrokenPage } from './app/broken-page.tsx';
import { watchRoute } from './app/route.ts';
import { createBrowserStore } from './chat/history/chat-store.ts';
import { createHistory } from './chat/history/history.ts';
import { createPlayground } from './chat/playground.ts';
import { takeShare } from './chat/share/take-share.ts';
import './styles/styles.css';

const place = document.getElementById('page');
if (place === null) throw new Error('the page has no element #page');

const access = createAccess({
  fetch: (input, init) => window.fetch(input, init),
  storage: window.sessionStorage,
  takeCode() {
    const code = codeIn(window.location.hash);
    // It has been used from now on: neither a bookmark nor the history of the browser should have it.
    if (code !== undefined) window.history.replaceState(null, '', window.location.pathname);
    return code;
  },
});
const otherTabs = new BroadcastChannel('tailrace-chats');
const history = createHistory({
  store: createBrowserStore(),
  clock: () => Date.now(),
  announce: () => otherTabs.postMessage('changed'),
  onAnnounced: (changed) => otherTabs.addEventListener('message', changed),
});
const playground = createPlayground({
  access,
  history,
  storage: window.sessionStorage,
  now: () => performance.now(),
  nextFrame: (work) => void window.requestAnimationFrame(work),
  wait: (ms) => new Promise((resolve) => window.setTimeout(resolve, ms)),
  newId: randomId,
});
window.addEventListener('pagehide', playground.keep);
// A one-time address that is opened where the page is already does not load it again.
window.addEventListener('hashchange', () => {
  if (codeIn(window.location.hash) !== undefined) window.location.reload();
  void takeShare(window, playground, randomId);
});
void takeShare(window, playground, randomId);
createRoot(place).render(
  <BrokenPage>
    <App access={access} playground={playground} history={history} route={watchRoute(window)} />
  </BrokenPage>,
);
void access.open();
