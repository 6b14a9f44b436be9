/** What a command prints, and what it has to do without. */
export interface Report {
  say(text: string): void;
  /** Prints the end of the reason, and keeps the name for the summary. Returns false. */
  complain(what: string, why: string): false;
  /** What the machine lacks, by name. */
  readonly missing: readonly string[];
}

export function createReport(say: (text: string) => void): Report {
  const missing: string[] = [];
  return {
    say,
    complain(what, why) {
      const lines = why.trim().split('\n').slice(-6).join('\n    ');
      say(`could not have ${what}; tests that need it will say so:\n    ${lines}\n`);
      if (!missing.includes(what)) missing.push(what);
      return false;
    },
    missing,
  };
}
