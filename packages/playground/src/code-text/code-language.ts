/** The languages that are coloured; every other text stays plain. Each grammar is a file that is loaded when it is needed. */
const grammars = {
  c: () => import('@shikijs/langs-precompiled/c'),
  csharp: () => import('@shikijs/langs-precompiled/csharp'),
  css: () => import('@shikijs/langs-precompiled/css'),
  diff: () => import('@shikijs/langs-precompiled/diff'),
  docker: () => import('@shikijs/langs-precompiled/docker'),
  go: () => import('@shikijs/langs-precompiled/go'),
  html: () => import('@shikijs/langs-precompiled/html'),
  java: () => import('@shikijs/langs-precompiled/java'),
  json: () => import('@shikijs/langs-precompiled/json'),
  php: () => import('@shikijs/langs-precompiled/php'),
  python: () => import('@shikijs/langs-precompiled/python'),
  rust: () => import('@shikijs/langs-precompiled/rust'),
  shellscript: () => import('@shikijs/langs-precompiled/shellscript'),
  sql: () => import('@shikijs/langs-precompiled/sql'),
  toml: () => import('@shikijs/langs-precompiled/toml'),
  tsx: () => import('@shikijs/langs-precompiled/tsx'),
  typescript: () => import('@shikijs/langs-precompiled/typescript'),
  xml: () => import('@shikijs/langs-precompiled/xml'),
  yaml: () => import('@shikijs/langs-precompiled/yaml'),
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
  htm: 'html',
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
