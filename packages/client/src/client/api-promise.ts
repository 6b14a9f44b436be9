/** An answer with what HTTP said of it. */
export interface WithResponse<Value> {
  readonly data: Value;
  readonly response: Response;
  /** Header `x-request-id`. */
  readonly request_id: string | null;
}

/** The answer of a call, as openai's `APIPromise`: await it for the value, or ask for the response. */
export interface APIPromise<Value> extends Promise<Value> {
  /** The response as it came; its body is not read. */
  asResponse(): Promise<Response>;
  withResponse(): Promise<WithResponse<Value>>;
}

/** `parse` is called once, where somebody wants the value. */
export function createAPIPromise<Value>(
  response: Promise<Response>,
  parse: (response: Response) => Value | Promise<Value>,
): APIPromise<Value> {
  let parsed: Promise<Value> | undefined;
  const value = (): Promise<Value> => {
    parsed ??= response.then(parse);
    return parsed;
  };
  const promise: APIPromise<Value> = {
    // biome-ignore lint/suspicious/noThenProperty: it is a promise, which reads its value when it is asked for.
    then: (onValue, onError) => value().then(onValue, onError),
    catch: (onError) => value().catch(onError),
    finally: (onEnd) => value().finally(onEnd),
    asResponse: () => response,
    async withResponse() {
      const [data, head] = await Promise.all([value(), response]);
      return { data, response: head, request_id: head.headers.get('x-request-id') };
    },
    [Symbol.toStringTag]: 'APIPromise',
  };
  return promise;
}
