import { CompositeLR } from "./compositeLR.js";
import type { LRScheduler } from "./scheduler.js";

/** Several schedules at once: each multiplies what the others make. As `torch.optim.lr_scheduler.ChainedScheduler`. */
export class ChainedScheduler extends CompositeLR {
  constructor(schedulers: readonly LRScheduler[]) {
    super("ChainedScheduler", schedulers);
    this.noteLrs();
  }

  step(): void {
    for (const scheduler of this.schedulers) scheduler.step();
    this.noteLrs();
  }

  override begin(): void {
    this.step();
  }

  protected ownState(): { [name: string]: number } {
    return {};
  }
}
