/*
 * The languages that are coloured; every other text stays plain. Each grammar is a file that is loaded when it is needed.
 *
 * A browser has other regular expressions than TextMate. Of most grammars those that were translated when they were published are used:
 * to translate those of TypeScript here takes 100 ms and more. Where an end has to be the same as its beginning (`'''` of Python, the
 * word of a here-document) they cannot be, and these small grammars are translated in the page.
 */
const grammars = {
  c: () => import('@shikijs/langs-precompiled/c'),
  csharp: () => import('@shikijs/langs-precompiled/csharp'),
  css: () => import('@shikijs/langs-precompiled/css'),
  diff: () => import('@shikijs/langs-precompiled/diff'),
  docker: () => import('@shikijs/langs-precompiled/docker'),
  go: () => import('@shikijs/langs-precompiled/go'),
  java: () => import('@shikijs/langs-precompiled/java'),
  json: () => import('@shikijs/langs-precompiled/json'),
  python: () => import('@shikijs/langs/python'),
  rust: () => import('@shikijs/langs/rust'),
  shellscript: () => import('@shikijs/langs/shellscript'),
  sql: () => import('@shikijs/langs-precompiled/sql'),
  toml: () => import('@shikijs/langs-precompiled/toml'),
  tsx: () => import('@shikijs/langs-precompiled/tsx'),
  typescript: () => import('@shikijs/langs-precompiled/typescript'),
  xml: () => import('@shikijs/langs-precompiled/xml'),
  yaml: () => import('@shikijs/langs/yaml'),
} as const;

export type CodeLanguage = keyof typeof grammars;

const aliases: Readonly<Record<string, CodeLanguage>> = {
  bash: 'shellscript',
  'c#': 'csharp',
  'c++': 'c',
  cpp: 'c',
  cs: 'csharp',
  dockerfile: 'docker',
  golang: 'go',
  h: 'c',
  htm: 'xml',
  html: 'xml',
  javascript: 'typescript',
  js: 'typescript',
  json5: 'json',
  jsonc: 'json',
  jsx: 'tsx',
  py: 'python',
  python3: 'python',
  rs: 'rust',
  sh: 'shellscript',
  shell: 'shellscript',
  svg: 'xml',
  ts: 'typescript',
  yml: 'yaml',
  zsh: 'shellscript',
};

/** The language that the info string of a code block names; undefined where it names none that is coloured. */
export function codeLanguage(info: string | undefined): CodeLanguage | undefined {
  const name =
    info
      ?.trim()
      .split(/[\s,{:]/, 1)[0]
      ?.toLowerCase() ?? '';
  if (Object.hasOwn(aliases, name)) return aliases[name];
  return Object.hasOwn(grammars, name) ? (name as CodeLanguage) : undefined;
}

export async function loadGrammar(language: CodeLanguage) {
  return (await grammars[language]()).default;
}
