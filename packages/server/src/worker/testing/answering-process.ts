import { serveTasks } from '../serve-tasks.ts';

/* A process of tests: what it is asked, it does. */

serveTasks(({ ask }: { readonly ask: string }) => {
  switch (ask) {
    case 'pid':
      return process.pid;
    case 'environment':
      // What systems set by themselves is none of the parent's.
      // biome-ignore lint/style/noProcessEnv: that it is empty is what is tested.
      return Object.keys(process.env).filter((name) => !/^(NODE_|__CF|LC_|LANG)/.test(name));
    case 'die':
      return process.exit(3);
    default:
      for (;;);
  }
});
