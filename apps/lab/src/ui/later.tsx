/**
 * What is inside comes a moment after the page around it, one piece after another: a click on a view is answered at once, and no
 * piece keeps the page from the next click for long.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

const queue: (() => void)[] = [];

function next(): void {
  queue.shift()?.();
  if (queue.length > 0) setTimeout(next);
}

/** After the next frame, in a task of its own. */
export function soon(piece: () => void): void {
  queue.push(piece);
  if (queue.length === 1) requestAnimationFrame(() => setTimeout(next));
}

/** @param height - about how high the inside will be, in pixels, so that little moves when it comes */
export function Later({ height, children }: { readonly height: number; readonly children: ComponentChildren }) {
  const come = useSignal(false);
  useEffect(() => {
    let left = false;
    soon(() => {
      if (!left) come.value = true;
    });
    return () => {
      left = true;
    };
  }, [come]);
  return come.value ? children : <div style={{ minHeight: `${height}px` }} />;
}
