import { noteGradient, realize } from "../plan/engine.js";
import type { Tensor } from "./tensor.js";

/**
 * Gives a tensor a new value that was recorded from others: what a layer notes in passing, such as a running mean. The
 * tensor stays the same one; what was recorded from its old value keeps that.
 *
 * Nothing runs here: the value is computed in the plan that runs next, beside whatever that is for. A value that is still
 * not computed when the next one comes (a loop that reads nothing) is computed then, so that no chain of them builds up.
 */
export function update(holder: Tensor, value: (old: Tensor) => Tensor): void {
  realize(holder.node);
  const before = holder.node;
  const { node } = value(holder).detach();
  holder.node = node;
  noteGradient(
    {
      // Somebody else may have set the holder by then.
      get gradient() {
        return holder.node === node ? holder : null;
      },
    },
    node,
    before,
  );
}
