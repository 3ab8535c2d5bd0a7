/** Recorded values that a user may still ask for, and what becomes of them when parameters move on. */
import type { Node } from "../graph/node.js";
import { nextMark } from "./key.js";

/** Of the recorded values those that are computed, not by way of a value that exists, from values that are gone. */
export function dependentsOf(gone: readonly Node[], lists: readonly (readonly Node[])[]): Node[] {
  const found: Node[] = [];
  const mark = nextMark();
  for (const old of gone) old.mark = mark;
  for (const list of lists) {
    for (const node of list) {
      if (node.buffer !== null || node.stale) continue;
      if (!node.srcs.some((src) => src.mark === mark && (src.buffer === null || src.mutable))) continue;
      node.mark = mark;
      found.push(node);
    }
  }
  return found;
}

/** A recorded value that nothing else reads, and that a user may still ask for. */
export const isOpen = (node: Node): boolean => node.buffer === null && !node.used && !node.stale && !node.internal;

/**
 * The open ends among recorded values that could not be computed
 * any more once some values are overwritten and others given up.
 */
export function openEnds(
  lists: readonly (readonly Node[])[],
  overwritten: readonly Node[],
  givenUp: readonly Node[],
): Node[] {
  const ends: Node[] = [];
  if (overwritten.length === 0 && givenUp.length === 0) return ends;
  if (!lists.some((list) => list.some(isOpen))) return ends;
  const given = nextMark();
  const entered = nextMark();
  const safe = nextMark();
  const lost = nextMark();
  for (const node of givenUp) if (node.buffer !== null && !node.escaped) node.mark = given;
  for (const node of overwritten) node.mark = lost;
  const stack: Node[] = [];
  for (const list of lists) {
    for (const end of list) {
      if (!isOpen(end)) continue;
      // A node is entered, its sources are judged, and then it is judged by them.
      stack.push(end);
      while (stack.length > 0) {
        const node = stack.at(-1)!;
        const { mark, srcs } = node;
        if (mark === entered) node.mark = srcs.some((src) => src.mark === lost) ? lost : safe;
        else if (mark !== safe && mark !== lost) {
          // A pending assign comes into being with the step.
          if (node.stale || (mark === given && srcs.length === 0)) node.mark = lost;
          else if ((node.buffer !== null && mark !== given) || node.primitive.kind === "assign") node.mark = safe;
          else {
            node.mark = entered;
            for (let i = 0; i < srcs.length; i++) stack.push(srcs[i]!);
            continue;
          }
        }
        stack.pop();
      }
      if (end.mark === lost) ends.push(end);
    }
  }
  return ends;
}
