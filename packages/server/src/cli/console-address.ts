/**
 * The address of the console; with a code it signs one browser in, once. The code stands behind `#`: a browser sends that part to no
 * server, so it is in no log and in no `Referer`. `url`: without a path.
 */
export function consoleAddress(url: string, code: string | undefined): string {
  return code === undefined ? `${url}/` : `${url}/#sign-in=${code}`;
}
