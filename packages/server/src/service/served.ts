/** How the life of a server ended: after a shutdown, or with a problem that the operator must solve. */
export type Served =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** 1: it failed while it ran. 2: flags, environment or configuration are wrong. */
      readonly exitCode: 1 | 2;
      /** One line for each problem. */
      readonly message: string;
    };

export const ended: Served = { ok: true };

export function failed(exitCode: 1 | 2, message: string): Served {
  return { ok: false, exitCode, message };
}
