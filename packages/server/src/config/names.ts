/** The upstream every target `{engine: …}` stands for; no configured one may take its name. */
export const engineUpstream = 'engine';

/** The model that is there without any configuration. */
export const defaultEngineModel = 'smollm2-135m-instruct';

/** The id that always exists where there is any model. */
export const defaultModel = 'default';

/** `chat`, `acme/chat`, `llama3.1:8b`: a path of plain segments, so that it can stand in a URL. */
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
