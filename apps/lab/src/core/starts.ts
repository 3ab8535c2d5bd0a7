/** Where paths begin on each surface: the surfaces' own starts, known without making them. */
import type { SurfaceName } from "./surfaces.js";

export const STARTS: Readonly<Record<SurfaceName, readonly [number, number]>> = {
  ravine: [-9, 1.7],
  rosenbrock: [-1.2, 1],
  beale: [1, 1],
  himmelblau: [0, 0],
  saddle: [1.5, 1e-4],
  cliff: [-2.5, 1],
  noisy: [-4, 2],
  minibatch: [1.5, 1],
  sparse: [-3, 2],
  regression: [0, 0],
  logistic: [0, 0],
  rastrigin: [2.3, -1.7],
  formula: [-3, 2],
};
