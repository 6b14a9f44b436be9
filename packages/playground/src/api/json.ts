export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** The value of a JSON text; undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The entries of a list as the API has them, `{"data": […]}`; none where it is no list. */
export function listIn(body: unknown): readonly unknown[] {
  return isObject(body) && Array.isArray(body['data']) ? body['data'] : [];
}
