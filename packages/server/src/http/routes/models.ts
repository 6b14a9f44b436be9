import { asciiJson, type ModelWire } from '@tailrace/protocol';
import type { Config } from '../../config/config.ts';
import { priceJson } from '../../config/price-json.ts';
import { failure } from '../../domain/failure.ts';
import { commonPrice } from '../../metering/prices.ts';
import { type Catalogue, capabilitiesOf, commonDefaults, type Model } from '../../routing/catalogue.ts';
import { replyFailure, replyJson } from '../reply.ts';
import type { Route } from '../route.ts';
import type { UnlistedModels } from '../unlisted-models.ts';

/** `GET /v1/models`: every id and alias that the sender's key may name. `GET /v1/models/{id}`: one, also of those in no list. */
export function modelRoutes(
  models: Config['models'],
  catalogue: Catalogue,
  createdAtSeconds: number,
  unlisted: UnlistedModels | undefined,
): Route[] {
  const wire = (name: string, model: Model): ModelWire => ({
    id: name,
    object: 'model',
    created: createdAtSeconds,
    owned_by: 'tailrace',
    context_length: model.contextLength() ?? null,
    capabilities: capabilitiesOf(model),
    price: priceWire(models, model),
    defaults: defaultsWire(model),
  });
  return [
    {
      method: 'GET',
      path: '/v1/models',
      access: 'key',
      handle: (exchange) => {
        const { models: rights } = exchange.principal;
        const data = catalogue
          .names()
          .flatMap(({ name, model }) => (rights.allows(model) ? [wire(name, model)] : []));
        return replyJson(exchange, 200, asciiJson({ object: 'list', data }));
      },
    },
    {
      method: 'GET',
      path: '/v1/models/{+id}',
      access: 'key',
      handle: async (exchange) => {
        const model = catalogue.find(exchange.id) ?? (await unlisted?.find(exchange.id))?.model;
        const refused = model && exchange.principal.models.refuse(model, exchange.id);
        if (refused !== undefined) return replyFailure(exchange, refused);
        if (model !== undefined) return replyJson(exchange, 200, asciiJson(wire(exchange.id, model)));
        const message = 'There is no such model here. GET /v1/models lists those there are.';
        return replyFailure(exchange, failure('model_not_found', message, { param: 'model' }));
      },
    },
  ];
}

/** What the fields of a request are where it does not set them; a default that is not the model's own is OpenAI's. */
function defaultsWire(model: Model): ModelWire['defaults'] {
  const defaults = commonDefaults(model);
  if (defaults === undefined) return null;
  const { temperature = 1, topP = 1, presencePenalty = 0, frequencyPenalty = 0 } = defaults;
  return {
    temperature,
    top_p: topP,
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
  };
}

function priceWire(models: Config['models'], { id }: Model): ModelWire['price'] {
  const config = models.get(id);
  const price = config && commonPrice(config);
  return price === undefined ? null : priceJson(price);
}
