/** A reload that is asked for while the server still starts is done when it serves. */
export interface LateReload {
  ask(): void;
  /** The server serves: `reload` does it from now on. */
  become(reload: () => void): void;
}

export function createLateReload(): LateReload {
  let asked = false;
  let reload = () => {
    asked = true;
  };
  return {
    ask: () => reload(),
    become(ready) {
      reload = ready;
      if (asked) ready();
    },
  };
}
