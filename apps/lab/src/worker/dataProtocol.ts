/** What the page and the worker that trains say to each other. */
import type { ColumnProfile } from "thalweg/tabular";
import type { DataProgress, DataSettings, Outcome } from "../core/dataRun.js";

export type ToTrainer =
  | { readonly kind: "open"; readonly name: string; readonly file: Blob }
  | { readonly kind: "train"; readonly settings: DataSettings }
  | { readonly kind: "pause" }
  | { readonly kind: "go" }
  | { readonly kind: "lr"; readonly lr: number }
  | { readonly kind: "stop" };

export type FromTrainer =
  | {
      readonly kind: "table";
      readonly name: string;
      readonly rows: number;
      readonly columns: readonly Pick<ColumnProfile, "name" | "type" | "missing">[];
    }
  | {
      readonly kind: "started";
      readonly notes: readonly string[];
      readonly rows: { readonly train: number; readonly validation: number };
    }
  | { readonly kind: "progress"; readonly progress: DataProgress }
  | { readonly kind: "done"; readonly progress: DataProgress; readonly outcome: Outcome }
  | { readonly kind: "complaint"; readonly message: string };
