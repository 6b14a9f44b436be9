import type { Model } from '../types/chat.ts';
import { type APIPromise, createAPIPromise } from './api-promise.ts';
import type { RequestOptions } from './options.ts';
import type { Transport } from './transport.ts';

/** The models of a key: one page that has them all. */
export interface ModelsPage extends AsyncIterable<Model> {
  readonly object: 'list';
  readonly data: Model[];
}

/** `client.models`. */
export class Models {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Await it for the page, or iterate it for the models. */
  list(options?: RequestOptions): APIPromise<ModelsPage> & AsyncIterable<Model> {
    const answer = this.#transport.call<ModelsPage>('GET', '/models', options);
    async function* each(): AsyncGenerator<Model> {
      yield* (await answer).data;
    }
    const page = createAPIPromise(answer.asResponse(), async () =>
      Object.assign(await answer, { [Symbol.asyncIterator]: each }),
    );
    return Object.assign(page, { [Symbol.asyncIterator]: each });
  }

  retrieve(id: string, options?: RequestOptions): APIPromise<Model> {
    return this.#transport.call('GET', `/models/${encodeURIComponent(id)}`, options);
  }
}
