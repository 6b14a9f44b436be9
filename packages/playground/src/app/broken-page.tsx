import { Component, type ReactNode } from 'react';
import './broken-page.css';

interface BrokenPageProps {
  readonly children: ReactNode;
}

/** A mistake in the page would leave an empty window; this says so, and that a reload begins anew. */
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
          <h2>This page has a mistake and cannot go on</h2>
          <p>
            <code>{reason}</code>
          </p>
        </div>
        <p>The server and its streams are not affected, and the chats are kept.</p>
        <p>
          <button type="button" className="primary" onClick={() => window.location.reload()}>
            Reload
          </button>
        </p>
      </main>
    );
  }
}
