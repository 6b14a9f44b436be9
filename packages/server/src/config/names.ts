/** The name of the local engine among the upstreams. No configured upstream may have it. */
export const engineUpstream = 'engine';

/** The engine model that is served without any configuration. */
export const defaultEngineModel = 'smollm2-135m-instruct';

/** The name under which one model can always be asked for, where there is any model. */
export const defaultModel = 'default';

/** What a model id is made of, for messages. */
export const modelIdForm = 'letters, digits and . _ : @ + - in segments separated by /';

/** `chat`, `acme/chat`, `llama3.1:8b`: a path of plain segments, so that it can be part of a URL. */
export function isModelId(id: string): boolean {
  return (
    id.length <= 200 &&
    /^[A-Za-z0-9._:@+-]+(\/[A-Za-z0-9._:@+-]+)*$/.test(id) &&
    !id.split('/').some((segment) => segment === '.' || segment === '..')
  );
}

export function isUpstreamName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
}
