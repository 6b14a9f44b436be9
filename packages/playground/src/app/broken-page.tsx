import { Component, type ReactNode } from 'react';
import './broken-page.css';

interface BrokenPageProps {
  readonly children: ReactNode;
}

/** What browsers and the builder say where a file that is loaded later does not come. Each browser has words of its own. */
const notLoaded = /dynamically imported module|importing a module script failed|unable to preload css/i;

/** What broke the page would leave an empty window; this says so, and that a reload begins anew. */
export class BrokenPage extends Component<BrokenPageProps, { readonly reason: string | undefined }> {
  override state: { readonly reason: string | undefined } = { reason: undefined };

  static getDerivedStateFromError(error: unknown): { readonly reason: string } {
    return { reason: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    const { reason } = this.state;
    if (reason === undefined) return this.props.children;
    return (
      <main className="broken-page">
        <div role="alert">
          <h2>{titleOf(reason)}</h2>
          <p>
            <code>{reason}</code>
          </p>
        </div>
        <p>{hintOf(reason)}</p>
        <p>
          <button type="button" className="primary" onClick={() => window.location.reload()}>
            Reload
          </button>
        </p>
      </main>
    );
  }
}

function titleOf(reason: string): string {
  return notLoaded.test(reason)
    ? 'A part of this page could not be loaded'
    : 'This page has a mistake and cannot go on';
}

function hintOf(reason: string): string {
  return notLoaded.test(reason)
    ? 'The server has been updated since this page was opened, or cannot be reached. The chats are kept, and streams go on.'
    : 'The server and its streams are not affected, and the chats are kept.';
}
