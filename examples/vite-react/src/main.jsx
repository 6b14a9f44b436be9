import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Chat } from './chat.jsx';

createRoot(document.querySelector('main')).render(
  <StrictMode>
    <Chat />
  </StrictMode>,
);
