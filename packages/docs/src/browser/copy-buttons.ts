const saidMs = 1_600;

/** The buttons that copy a block of code, as it is shown. */
export function serveCopyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button.copy')) {
    const code = button.closest('figure')?.querySelector('code');
    if (!code) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      const isCopied = await copy(code);
      button.textContent = isCopied ? 'Copied' : 'Selected';
      window.setTimeout(() => {
        button.textContent = 'Copy';
      }, saidMs);
    });
  }
}

/** Over plain HTTP from another machine a browser has no clipboard: the code is selected, and copied where that is possible. */
async function copy(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? '');
    return true;
  } catch {
    window.getSelection()?.selectAllChildren(code);
    return document.execCommand('copy');
  }
}
