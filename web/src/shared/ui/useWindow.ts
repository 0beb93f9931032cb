import { type RefObject, useLayoutEffect, useState } from 'react';
import { flushSync } from 'react-dom';

/** How many rows exist before and behind those that can be seen. */
const SPARE = 6;
/** Rows come and go in groups: not every pixel that is scrolled draws the list again. */
const GROUP = 4;

/** Which of so many rows of one height can be seen in a frame that scrolls, and some around them: the first, and the one behind the last. */
export function rowsSeen(top: number, height: number, rowPx: number, count: number): { first: number; end: number } {
  const at = Math.floor(top / rowPx / GROUP) * GROUP;
  const end = Math.min(count, at + GROUP + Math.ceil(height / rowPx) + SPARE);
  return { first: Math.max(0, Math.min(at - SPARE, end - 1)), end };
}

/** The rows that exist while a frame scrolls. Each has the same height, so that nothing is measured and nothing kept of the others. */
export function useWindow(frame: RefObject<HTMLElement | null>, rowPx: number, count: number): { first: number; end: number } {
  const [{ top, height }, setSeen] = useState({ top: 0, height: 0 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const look = () => {
      const seen = { top: Math.floor(element.scrollTop / rowPx / GROUP) * GROUP * rowPx, height: element.clientHeight };
      setSeen((before) => (before.top === seen.top && before.height === seen.height ? before : seen));
    };
    // Drawn before the frame is painted: nobody sees an empty list.
    const scrolled = () => flushSync(look);
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener('scroll', scrolled, { passive: true });
    look();
    return () => {
      watcher.disconnect();
      element.removeEventListener('scroll', scrolled);
    };
  }, [frame, rowPx]);
  return rowsSeen(top, height, rowPx, count);
}
