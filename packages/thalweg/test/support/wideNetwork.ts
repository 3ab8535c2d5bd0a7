import { manualSeed, optim, randint, randn, type Tensor } from "thalweg";

/** Bits of a tensor in short, without anything that only Node has. */
function digest(t: Tensor): string {
  const data = t.dataSync();
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return `${t.shape.join("x")} ${(hash >>> 0).toString(16)}`;
}

/** Some steps of a network that is large enough for threads: its losses, parameters and outputs, each as a few digits. */
export function train(steps: number): string[] {
  manualSeed(5);
  const X = randn([256, 300]);
  const target = randint(0, 10, [256]).unsqueeze(1);
  const parameter = (...shape: number[]) => {
    const p = randn(shape).mul(0.05).detach();
    p.requiresGrad = true;
    return p;
  };
  const [W1, b1, W2, b2] = [parameter(300, 200), parameter(200), parameter(200, 10), parameter(10)] as const;
  const optimizer = new optim.RMSprop([W1, b1, W2, b2], { lr: 0.001 });
  const outputs = () => X.matmul(W1).add(b1).tanh().matmul(W2).add(b2);
  const bits: string[] = [];
  for (let step = 0; step < steps; step++) {
    const loss = outputs().logSoftmax(1).gather(1, target).mean().neg();
    bits.push(digest(loss));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  return [...bits, ...[W1, b1, W2, b2, outputs()].map(digest)];
}
