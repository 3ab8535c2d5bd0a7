import type { Buffer, Device } from "../device/device.js";
import type { Job } from "../device/threads.js";
import { allocate, BYTES, type DType } from "../dtype.js";
import type { Node } from "../graph/node.js";
import { argumentLayout } from "../kernels/kernel.js";
import { checksIndices } from "./hazards.js";
import { freeJobs, jobsOf } from "./jobs.js";
import { describe, type Place, type Plan } from "./plan.js";
import { runnable } from "./runnable.js";
import { statistics } from "./statistics.js";

/**
 * Addresses to be written into the argument blocks, two numbers for each: from which input, result or offset, to which int32
 * cell. Numbers side by side, not objects: a step over hundreds of parameters finds few of its things in the caches.
 */
type Patches = Int32Array;

/** A number of the plan: the byte addresses of its cells in the argument blocks, and what stands there. */
interface ScalarPatch {
  readonly dtype: DType;
  readonly cells: number[];
  value: number | null;
}

/** A plan made ready for a device: kernels compiled, argument blocks in its memory. */
export class LoadedPlan {
  private readonly jobs: readonly Job[];
  private readonly inputCells: Patches;
  private readonly resultCells: Patches;
  private readonly temporaryCells: Patches;
  private readonly scalars: readonly ScalarPatch[];
  private readonly argumentBlock: number;
  private readonly addresses: Float64Array;
  private readonly resultAddresses: Float64Array;
  /** For each input, up to how many bytes of a value on the heap are copied to the temporary memory at each run. */
  private readonly stagingBytes: Int32Array;
  /** 1 for each result that is written over another's value. */
  private readonly assigned: Uint8Array;
  private arena = -1;
  /** Whether a kernel may find an index out of bounds: else nobody need wait for the last one to know that none did. */
  private readonly checksIndices: boolean;

  constructor(
    readonly plan: Plan,
    private readonly device: Device,
  ) {
    const kernels = runnable(
      plan.steps.map((step) => step.kernel),
      plan.steps.map((step) => step.name),
      device,
    );
    this.checksIndices = plan.steps.some(({ kernel }) => checksIndices(kernel));
    this.argumentBlock = device.memory.allocate(Math.max(plan.argumentBytes, 8));
    const blocks = plan.steps.map((step) => this.argumentBlock + step.args);
    this.jobs = jobsOf(plan.steps, kernels, blocks, device);
    this.addresses = new Float64Array(plan.staging.length);
    this.resultAddresses = new Float64Array(plan.results.length);
    this.stagingBytes = Int32Array.from(plan.staging, ({ bytes }) => bytes);
    this.assigned = Uint8Array.from(plan.results, ({ fate }) => (fate === "assign" ? 1 : 0));
    this.scalars = plan.scalarTypes.map((dtype): ScalarPatch => ({ dtype, cells: [], value: null }));
    const cellsOf: Record<Place["kind"], number[]> = { input: [], result: [], temporary: [] };
    plan.steps.forEach((step, s) => {
      const block = blocks[s]!;
      step.places.forEach((place, slot) => {
        cellsOf[place.kind].push(place.kind === "temporary" ? place.offset : place.index, (block >>> 2) + slot);
      });
      const cells = block + argumentLayout(step.kernel).scalars;
      step.scalars.forEach((scalar, slot) => {
        this.scalars[scalar]!.cells.push(cells + 8 * slot);
      });
    });
    this.inputCells = Int32Array.from(cellsOf.input);
    this.resultCells = Int32Array.from(cellsOf.result);
    this.temporaryCells = Int32Array.from(cellsOf.temporary);
  }

  /** Whether it can be run. */
  isLoaded = true;

  /** Gives the argument block back; the plan cannot be run any more. */
  unload(): void {
    this.isLoaded = false;
    this.device.memory.free(this.argumentBlock, Math.max(this.plan.argumentBytes, 8));
    freeJobs(this.jobs, this.device);
  }

  /** The plan in words. */
  describe(): string {
    return describe(this.plan);
  }

  /**
   * Runs the kernels, of which the last may still be at work afterwards: whoever looks at memory waits for it. `inputs` and
   * `scalars` are the graph's, in the order of the walk; `targets` are, for each result, the buffer to write (for assigns the
   * parameter's).
   *
   * @returns true if a computed index was out of bounds
   */
  run(inputs: readonly Node[], scalars: readonly Node[], targets: readonly Buffer[]): boolean {
    const { device, plan } = this;
    device.clock++;
    // Everything that may grow memory, which detaches its views, comes first.
    const arena = device.arena(plan.temporaryBytes);
    for (let i = 0; i < inputs.length; i++) {
      const node = inputs[i]!;
      const buffer = node.buffer!;
      const size = BYTES[buffer.dtype];
      let address: number;
      if (buffer.address === 0 && buffer.host !== null && buffer.host.byteLength <= this.stagingBytes[i]!) {
        address = arena + plan.staging[i]!.offset;
        device.write(address, buffer.host);
      } else address = device.locate(buffer);
      this.addresses[i] = address + node.offset * size;
    }
    for (let r = 0; r < targets.length; r++) {
      const buffer = targets[r]!;
      const offset = plan.resultOffsets[r]!;
      if (offset < 0) {
        // A parameter's old values are brought along, since some assigns change only some rows.
        const assigned = this.assigned[r] === 1;
        this.resultAddresses[r] = assigned ? device.locate(buffer) : device.place(buffer);
        if (!assigned) buffer.host = null;
      }
    }
    this.patch(arena, scalars);
    const { jobs } = this;
    for (let j = 0; j < jobs.length; j++) device.threads.run(jobs[j]!);
    for (let r = 0; r < targets.length; r++) {
      const buffer = targets[r]!;
      const offset = plan.resultOffsets[r]!;
      if (this.assigned[r] === 1) {
        if (offset >= 0) {
          const from = arena + offset;
          const to = device.place(buffer);
          device.memory.uint8.copyWithin(to, from, from + buffer.length * BYTES[buffer.dtype]);
        }
        buffer.host = null;
      } else if (buffer.length === 0) buffer.host = allocate(buffer.dtype, 0);
      else if (offset >= 0) buffer.host = device.copyOut(arena + offset, buffer);
    }
    statistics.plansRun++;
    statistics.kernelsRun += plan.steps.length;
    statistics.operations += plan.operations;
    return this.checksIndices && device.takeError();
  }

  private patch(arena: number, scalars: readonly Node[]): void {
    const { int32, float32, float64 } = this.device.memory;
    const { inputCells, resultCells, temporaryCells } = this;
    for (let i = 0; i < inputCells.length; i += 2) int32[inputCells[i + 1]!] = this.addresses[inputCells[i]!]!;
    for (let i = 0; i < resultCells.length; i += 2) int32[resultCells[i + 1]!] = this.resultAddresses[resultCells[i]!]!;
    if (this.arena !== arena) {
      this.arena = arena;
      for (let i = 0; i < temporaryCells.length; i += 2) int32[temporaryCells[i + 1]!] = arena + temporaryCells[i]!;
    }
    for (let s = 0; s < scalars.length; s++) {
      const patch = this.scalars[s]!;
      const value = scalars[s]!.value!;
      // Most numbers are the same from step to step.
      if (Object.is(value, patch.value)) continue;
      patch.value = value;
      const { dtype, cells } = patch;
      for (let c = 0; c < cells.length; c++) {
        const cell = cells[c]!;
        if (dtype === "float32") float32[cell >>> 2] = value;
        else if (dtype === "float64") float64[cell / 8] = value;
        else int32[cell >>> 2] = value;
      }
    }
  }
}
