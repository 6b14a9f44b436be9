import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { createScratch } from '../support/scratch.ts';
import { type ConfigTree, startServer, type TestServer } from '../support/server.ts';
import { root } from './code-blocks.ts';

/** A server that the programs of pages talk to. */
export interface DocsServer {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
  /** Where the commands of the pages find it. */
  readonly dataDir: string;
}

/** The servers of all pages, each started when its first program needs it. The caller stops them. */
export interface DocsServers {
  /** `servers/NAME.yaml`; its model `default` is scripted unless the file says otherwise. */
  named(name: string): Promise<DocsServer>;
  stop(): Promise<void>;
}

const folder = path.join(root, 'test/docs/servers');

export function createDocsServers(): DocsServers {
  const scratch = createScratch('docs-servers');
  const servers = new Map<string, Promise<TestServer & DocsServer>>();

  async function start(name: string): Promise<TestServer & DocsServer> {
    const config = parse(readFileSync(path.join(folder, `${name}.yaml`), 'utf8')) as ConfigTree;
    const dataDir = path.join(scratch.path, name);
    const server = await startServer({
      model: name === 'main' ? 'default' : 'none',
      config,
      files: { 'answers.yaml': readFileSync(path.join(folder, 'answers.yaml'), 'utf8') },
      dataDir,
    });
    return { ...server, dataDir };
  }

  return {
    named(name) {
      const server = servers.get(name) ?? start(name);
      servers.set(name, server);
      return server;
    },
    async stop() {
      for (const started of await Promise.allSettled(servers.values()))
        if (started.status === 'fulfilled') await started.value.stop();
      scratch.remove();
    },
  };
}
