import { nn, type Tensor, tensor } from "thalweg";
import { decode, encode } from "thalweg/safetensors";
import { expect, test } from "vitest";
import fixture from "./fixtures/nn-model.json" with { type: "json" };
import { bitsOf, read } from "./support/counting.js";

// Both sides are in tools/fixtures/nnModel.py, which also checks that PyTorch loads Thalweg's file, strictly, and that
// both, from one seed, have trained the model alike.

class Net extends nn.Module {
  words = new nn.Embedding(12, 6, { paddingIdx: 0 });
  inConv = new nn.Conv1d(6, 4, 3, { padding: 1, bias: false });
  bn = new nn.BatchNorm1d(4);
  layers = new nn.ModuleList([new nn.Linear(12, 8), new nn.Linear(8, 8, { bias: false })]);
  norm = new nn.LayerNorm(8);
  head = new nn.Sequential(new nn.PReLU(), new nn.Dropout(0.2), new nn.Linear(8, 3));

  override forward(x: Tensor): Tensor {
    let y = this.bn.forward(this.inConv.forward(this.words.forward(x).transpose(1, 2))).relu();
    y = nn.functional.maxPool1d(y, 2).flatten(1);
    for (const layer of this.layers) y = layer.forward(y).tanh();
    return this.head.forward(this.norm.forward(y));
  }
}

const last = tensor(fixture.words.at(-1)!, { dtype: "int32" });
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

test.each(["pytorch", "thalweg"] as const)("a model that %s has trained gives PyTorch's outputs", (origin) => {
  const net = new Net().eval();
  const { tensors } = decode(bytesOf(fixture[origin].file));
  expect(Object.keys(net.stateDict())).toEqual(fixture.names);
  expect(Object.keys(tensors).sort()).toEqual([...fixture.names].sort());
  net.loadStateDict(tensors);
  read(net.forward(last)).forEach((value, i) => {
    expect(Math.abs(value - fixture[origin].output[i]!), `[${i}] ${value}`).toBeLessThan(2e-6);
  });
});

test("what was loaded is saved as it was", () => {
  const net = new Net();
  const { tensors } = decode(bytesOf(fixture.pytorch.file));
  net.loadStateDict(tensors);
  const again = decode(encode(net.stateDict())).tensors;
  for (const [name, x] of Object.entries(tensors)) expect(bitsOf(again[name]!), name).toBe(bitsOf(x));
});
