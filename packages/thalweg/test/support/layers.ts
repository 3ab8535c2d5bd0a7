import { nn, type Tensor, tensor } from "thalweg";
import layerFixture from "../fixtures/nn-layers.json" with { type: "json" };
import lossFixture from "../fixtures/nn-losses.json" with { type: "json" };

// What the generator tools/fixtures/nn.py writes.

export type Run = "float32" | "float64";

export interface Values {
  data: (number | string)[];
  shape: number[];
  /** Default: the dtype of the run. */
  dtype?: "int32";
}

export interface Case {
  name: string;
  layer: string;
  args: unknown[];
  state: Record<string, Values>;
  inputs: Values[];
  output: Values;
  grads: (Values | null)[];
  paramGrads: Record<string, Values>;
  buffers: Record<string, Values>;
  warm?: number;
  eval?: boolean;
  kinks?: boolean;
  tolerance?: number;
}

export const layers = layerFixture.cases as unknown as Case[];
export const losses = lossFixture.cases as unknown as Case[];

export const made = ({ data, shape, dtype }: Values, run: Run): Tensor =>
  tensor(data.map(Number), { dtype: dtype ?? run })
    .reshape(shape)
    .detach();

function argument(value: unknown, run: Run): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if ("tensor" in value) return made(value.tensor as Values, run);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, argument(entry, run)]));
}

/** The module of a case, with its state, warmed up. */
export function moduleOf(one: Case, run: Run): nn.Module {
  const classes = nn as unknown as Record<string, new (...args: unknown[]) => nn.Module>;
  const module = new classes[one.layer]!(...one.args.map((arg) => argument(arg, run))).to(run);
  const state = Object.fromEntries(Object.entries(one.state).map(([name, values]) => [name, made(values, run)]));
  module.loadStateDict({ ...module.stateDict(), ...state });
  for (let i = 0; i < (one.warm ?? 0); i++) {
    module.forward(
      ...one.inputs.map((values) =>
        values.dtype
          ? made(values, run)
          : made(values, run)
              .mul(i + 2)
              .detach(),
      ),
    );
  }
  return module.train(one.eval !== true);
}

/** Inputs of a case, those with gradients as leaves that require them. */
export const inputsOf = (one: Case, run: Run): Tensor[] =>
  one.inputs.map((values, i) => {
    const x = made(values, run);
    if (one.grads[i] !== null) x.requiresGrad = true;
    return x;
  });

/** Weights that make every element count, as in the script that wrote the fixture. */
export function cotangent(output: Tensor): Tensor {
  const weights = Array.from({ length: output.numel }, (_, i) => (((i * 7) % 11) - 5) / 4 + 1 / 8);
  return tensor(weights, { dtype: output.dtype }).reshape(output.shape);
}
