/** Whether an `If-None-Match` names this entity tag, which has its quotes. */
export function namesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((text) => {
    const one = text.trim();
    return one === '*' || one === tag || one === `W/${tag}`;
  });
}
