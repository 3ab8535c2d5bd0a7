/** Counters that a program can read to see what the engine did. */
export interface Statistics {
  /** Graphs that were planned and compiled because no plan of their structure was there. */
  plansCompiled: number;
  /** Kernels that were compiled; kernels of one code are compiled once. */
  kernelsCompiled: number;
  /** Runs of plans. */
  plansRun: number;
  /** Runs of kernels. */
  kernelsRun: number;
  /** Values computed, over all points of all kernels run: what a second run of a forward pass would show in. */
  operations: number;
}

export const statistics: Statistics = {
  plansCompiled: 0,
  kernelsCompiled: 0,
  plansRun: 0,
  kernelsRun: 0,
  operations: 0,
};
