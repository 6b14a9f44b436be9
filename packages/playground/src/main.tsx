import { createRoot } from 'react-dom/client';
import { createPlayground } from './chat/playground.ts';
import './styles.css';
import { App } from './view/app.tsx';

const place = document.getElementById('page');
if (place === null) throw new Error('the page has no element #page');

const playground = createPlayground({
  fetch: (input, init) => window.fetch(input, init),
  storage: window.sessionStorage,
  now: () => performance.now(),
  nextFrame: (work) => void window.requestAnimationFrame(work),
  wait: (ms) => new Promise((resolve) => window.setTimeout(resolve, ms)),
  newId: () => crypto.randomUUID(),
});
window.addEventListener('pagehide', playground.keep);
createRoot(place).render(<App playground={playground} />);
void playground.open();
