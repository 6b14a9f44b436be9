import { afterAll, beforeAll } from 'vitest';
import { type LivezWatch, watchLivez } from '../support/livez-watch.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { labServer } from './wire-client.ts';

export interface WatchedLab {
  readonly server: TestServer;
  readonly watch: LivezWatch;
}

/** A lab server for the tests of one file, with a watch over its /livez. Its parts exist while tests run. */
export function watchLab(): WatchedLab {
  let lab: WatchedLab | undefined;
  beforeAll(async () => {
    const server = await startServer(labServer());
    lab = { server, watch: watchLivez(server.port) };
  });
  afterAll(async () => {
    await lab?.watch.close();
    await lab?.server.stop();
  });
  const started = (): WatchedLab => {
    if (lab === undefined) throw new Error('the server has not started');
    return lab;
  };
  return {
    get server() {
      return started().server;
    },
    get watch() {
      return started().watch;
    },
  };
}
