/** A model of a table: an encoder and a network, saved and used together. */
import { noGrad } from "../autograd/backward.js";
import { OptionError } from "../errors.js";
import { ReLU } from "../nn/activation.js";
import { Sequential } from "../nn/containers.js";
import { Dropout } from "../nn/dropout.js";
import { Linear } from "../nn/linear.js";
import type { Module } from "../nn/module.js";
import { decode, encode } from "../safetensors/safetensors.js";
import { tensor } from "../tensor/create.js";
import { sigmoid } from "../tensor/elementwise.js";
import { softmax } from "../tensor/reduce.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Embed, TableEncoder } from "./encoder.js";
import { DataFileError } from "./errors.js";
import type { Cell, Chunk } from "./source.js";
import { type EncoderSpec, type Task, type VectorSpec, vectorsOf } from "./spec.js";
import { type Table, tableOf } from "./table.js";
import { Vectors } from "./vectors.js";

/** The shape of the network. */
export interface NetworkSpec {
  /** "linear": one layer; "mlp": layers with ReLU between them. */
  readonly kind: "linear" | "mlp";
  /** Widths of the hidden layers; none for "linear". */
  readonly hidden: readonly number[];
  /** Share of hidden values that are dropped in training. */
  readonly dropout: number;
}

/** Which categories have vectors, if nobody says: a straight line is found best with a place for each value. */
export const usualEmbed = (kind: NetworkSpec["kind"]): Embed => (kind === "linear" ? "none" : "auto");

/** What a model says of one row. */
export interface Prediction {
  /** The number, or the class. */
  readonly value: number | string;
  /** Probability of each class, by its label; null for numbers. */
  readonly probabilities: Readonly<Record<string, number>> | null;
}

/** `model.json`. */
interface ModelFile {
  readonly format: "thalweg.tabular";
  readonly version: 1;
  readonly network: NetworkSpec;
  readonly encoder: EncoderSpec;
}

/** The two files of a model. */
export interface ModelFiles {
  readonly "model.json": string;
  readonly "model.safetensors": Uint8Array;
}

/** Rows that are passed through the network together. */
const BATCH = 4096;

/**
 * A model of a table.
 *
 * ```ts
 * const model = TabularModel.load({ "model.json": text, "model.safetensors": bytes });
 * model.predict([{ horsepower: 130, origin: "USA" }]); // [{ value: 17.3, probabilities: null }]
 * ```
 *
 * The network's names are those of a `torch.nn.Sequential`, so PyTorch loads `model.safetensors`.
 */
export class TabularModel {
  private constructor(
    readonly encoder: TableEncoder,
    readonly spec: NetworkSpec,
    readonly network: Module,
  ) {}

  /**
   * A model with new weights, drawn from the default generator.
   *
   * @param options - `sparseFrom`: tables of vectors of so many numbers or more keep their gradients as rows, for rules that take
   *   those ([which](docs/sparse.md)). Default: none does
   */
  static create(
    encoder: TableEncoder,
    spec: NetworkSpec,
    { sparseFrom = Number.POSITIVE_INFINITY }: { sparseFrom?: number | undefined } = {},
  ): TabularModel {
    const { kind, hidden, dropout } = spec;
    if (kind === "linear" && hidden.length > 0)
      throw new OptionError("TabularModel: a linear model has no hidden layers");
    const { vectors, plain } = encoder;
    const layers: Module[] = [];
    if (vectors.length > 0) layers.push(new Vectors(plain, vectors.map(sizeOf), sparseFrom));
    let width = encoder.inputs;
    for (const next of hidden) {
      layers.push(new Linear(width, next), new ReLU());
      if (dropout > 0) layers.push(new Dropout(dropout));
      width = next;
    }
    layers.push(new Linear(width, encoder.outputs));
    return new TabularModel(encoder, spec, new Sequential(...layers));
  }

  get task(): Task {
    return this.encoder.task;
  }

  /**
   * Predicts rows given as objects, or those of a table; the target's column need not be there. What one row lacks is missing.
   *
   * @throws DataFileError if all rows lack a column
   */
  predict(rows: readonly Readonly<Record<string, Cell | undefined>>[] | Table): Prediction[] {
    const { name, columns, chunk } = isTable(rows) ? rows : tableOf(rows);
    return this.predictChunk(columns, chunk, name);
  }

  /** Predicts a piece of a table. */
  predictChunk(columns: readonly string[], chunk: Chunk, file: string): Prediction[] {
    const { x } = this.encoder.encode(columns, chunk, file, false);
    return this.read(this.run(x));
  }

  /** The network's outputs for encoded rows, row by row. */
  run(x: Float32Array): Float32Array {
    const { network, encoder } = this;
    const rows = x.length / encoder.width;
    const outputs = new Float32Array(rows * encoder.outputs);
    network.eval();
    noGrad(() => {
      for (let from = 0; from < rows; from += BATCH) {
        const to = Math.min(from + BATCH, rows);
        const batch = tensor(x.slice(from * encoder.width, to * encoder.width)).reshape([to - from, encoder.width]);
        const output: Tensor = network.forward(batch);
        outputs.set(output.dataSync() as Float32Array, from * encoder.outputs);
      }
    });
    return outputs;
  }

  /** What outputs mean: numbers in the target's unit, or classes with probabilities. */
  read(outputs: Float32Array): Prediction[] {
    const { target } = this.encoder.spec;
    if (target.task === "regression")
      return Array.from(outputs, (z) => ({ value: z * target.std + target.mean, probabilities: null }));
    const { classes } = target;
    const p = probabilities(outputs, this.encoder.outputs);
    return Array.from({ length: p.length / classes.length }, (_, i) => {
      const own = p.subarray(i * classes.length, (i + 1) * classes.length);
      const best = own.reduce((most, value, c) => (value > own[most]! ? c : most), 0);
      return { value: classes[best]!, probabilities: Object.fromEntries(classes.map((label, c) => [label, own[c]!])) };
    });
  }

  save(): ModelFiles {
    const file: ModelFile = {
      format: "thalweg.tabular",
      version: 1,
      network: this.spec,
      encoder: this.encoder.spec,
    };
    return {
      "model.json": `${JSON.stringify(file, null, 2)}\n`,
      "model.safetensors": encode(this.network.stateDict()),
    };
  }

  /**
   * Reads a model's two files.
   *
   * @throws DataFileError or SafetensorsError if they are no model's, or do not belong together
   */
  static load(files: ModelFiles): TabularModel {
    let file: Partial<ModelFile> | null;
    try {
      file = JSON.parse(files["model.json"]) as Partial<ModelFile> | null;
    } catch (error) {
      throw new DataFileError(`model.json is no JSON: ${(error as Error).message}`);
    }
    if (file?.format !== "thalweg.tabular" || file.version !== 1 || !file.encoder || !file.network)
      throw new DataFileError("model.json is no model of a table, or of a version that is not known");
    const model = TabularModel.create(new TableEncoder(file.encoder), file.network);
    model.network.loadStateDict(decode(files["model.safetensors"]).tensors);
    model.network.eval();
    return model;
  }
}

const sizeOf = (feature: VectorSpec): readonly [number, number] => [vectorsOf(feature), feature.size];

const isTable = (rows: unknown): rows is Table => typeof rows === "object" && rows !== null && "chunk" in rows;

/**
 * Softmax of each row's scores; of a single one, the logistic function and what remains. In tensors, since the exponential that
 * a JavaScript engine has is not the same in all of them, and a page shall say what Node says.
 */
function probabilities(scores: Float32Array, count: number): Float64Array {
  if (scores.length === 0) return new Float64Array(0);
  return noGrad(() => {
    const z = tensor(Float64Array.from(scores)).reshape([scores.length / count, count]);
    if (count > 1) return softmax(z, 1).dataSync() as Float64Array;
    const p = sigmoid(z).dataSync() as Float64Array;
    return Float64Array.from({ length: 2 * p.length }, (_, i) => (i % 2 === 0 ? 1 - p[i >> 1]! : p[i >> 1]!));
  });
}
