import { useEffect, useState } from 'react';

const step = 200;

/** How many of so many things are shown: a few hundred at once, and more with each frame, so that none takes long. */
export function useGrowing(total: number): number {
  const [shown, setShown] = useState(step);
  useEffect(() => {
    if (shown >= total) return;
    const frame = requestAnimationFrame(() => setShown(shown + step));
    return () => cancelAnimationFrame(frame);
  }, [shown, total]);
  return Math.min(shown, total);
}
