import { startTestApp } from '../../packages/server/src/testing/start-app.ts';
import { type DescribedRoute, openApiDocument } from './document.ts';
import { type Provoked, provokeErrors } from './provoked-errors.ts';

let errors: ReturnType<typeof provokeErrors> | undefined;

/** What a server has answered, once for all files that are made of it. */
export function provokedErrors(): ReturnType<typeof provokeErrors> {
  errors ??= provokeErrors();
  return errors;
}

/** Every part of the server that has routes is switched on. */
const everything = `
server: {public_url: "https://ai.example.org"}
console: {enabled: true, fault_lab: true}
auth: {oidc: {issuer: "https://id.example.org", client_id: tailrace, client_secret: secret, admins: [ann@example.org]}}
`;

/** The route table of a server in which everything is switched on. */
export async function allRoutes(): Promise<readonly DescribedRoute[]> {
  const app = await startTestApp({ config: everything });
  await app.stop();
  return app.routes;
}

/** The text of `openapi.json`. */
export async function openApiText(): Promise<string> {
  const [routes, provoked] = await Promise.all([allRoutes(), provokedErrors()]);
  return `${JSON.stringify(openApiDocument(routes, provoked), undefined, 2)}\n`;
}

export type { Provoked };
