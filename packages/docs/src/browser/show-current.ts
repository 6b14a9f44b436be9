/** Scrolls the navigation to the page that is read: of a long list only the beginning would be seen. */
export function showCurrent(): void {
  const pages = document.querySelector<HTMLElement>('#pages');
  const current = pages?.querySelector<HTMLElement>('[aria-current]');
  if (pages === null || current === null || current === undefined) return;
  const below = current.getBoundingClientRect().bottom - pages.getBoundingClientRect().bottom;
  // The pages around it are seen too.
  if (below > -40) pages.scrollTop += below + pages.clientHeight / 2;
}
