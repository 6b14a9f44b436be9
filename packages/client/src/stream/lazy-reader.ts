import type { StreamSource } from './contract.ts';
import type { Consumer, ReaderOptions, StreamReader } from './reader.ts';

/**
 * The reader whose code is loaded with the first request: what only makes a client, or renders a page, needs none of it. (The network
 * is there when it is loaded, and the healing of a stream, which has to work without, is part of it.)
 */
export function createLazyReader(source: StreamSource, options: ReaderOptions): StreamReader {
  const controller = new AbortController();
  const consumers = new Set<Consumer>();
  const { resumeAt } = options;
  let reader: StreamReader | undefined;
  let loading: Promise<StreamReader> | undefined;

  function load(): Promise<StreamReader> {
    loading ??= import('./stream-reader.ts').then(({ createStreamReader }) => {
      reader = createStreamReader(source, options, controller, consumers);
      return reader;
    });
    return loading;
  }

  return {
    controller,
    consumers,
    get cursor() {
      return (reader ?? resumeAt)?.cursor ?? 0;
    },
    get completionId() {
      return (reader ?? resumeAt)?.completionId;
    },
    get streamUrl() {
      return (reader ?? resumeAt)?.streamUrl;
    },
    get headers() {
      return reader?.headers;
    },
    get requestId() {
      return reader?.requestId;
    },
    get ending() {
      return reader?.ending;
    },
    get parts() {
      return reader?.parts ?? [];
    },
    open: () => load().then((loaded) => loaded.open()),
    pull: () => reader?.pull() ?? load().then((loaded) => loaded.pull()),
    cancel: () => load().then((loaded) => loaded.cancel()),
  };
}
