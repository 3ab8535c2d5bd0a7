/** What the page and the worker say to each other. Each request has a number; replies name the request they answer. */
import type { FormulaError } from "../core/formula.js";
import type { Grid } from "../core/grid.js";
import type { Track } from "../core/path.js";
import type { Runner } from "../core/rules.js";
import type { Axis } from "../core/state.js";
import type { Surface, SurfaceName } from "../core/surfaces.js";

export interface SceneRequest {
  readonly kind: "scene";
  readonly surface: SurfaceName;
  readonly formula: string;
  readonly start: readonly [number, number];
  readonly runners: readonly Runner[];
  readonly steps: number;
  /** The key of the surface that the page has got already; it is not sent again. */
  readonly known: string;
}

export interface SweepRequest {
  readonly kind: "sweep";
  readonly surface: SurfaceName;
  readonly formula: string;
  readonly start: readonly [number, number];
  readonly runner: Runner;
  readonly x: Axis;
  readonly y: Axis;
  readonly steps: number;
  /** Settings along each axis. */
  readonly count: number;
}

export type Request = SceneRequest | SweepRequest;

/** What is shown of a surface beside its heights. */
export type SurfaceFacts = Pick<Surface, "name" | "tex" | "axes" | "minima" | "start">;

export interface Complaint {
  readonly reason: FormulaError["reason"] | "option" | "other";
  readonly what: string;
  readonly at: number | null;
  /** The runner whose options are refused. */
  readonly runner: number | null;
}

export type Answer =
  | {
      readonly kind: "surface";
      readonly key: string;
      readonly facts: SurfaceFacts;
      readonly grid: Grid;
      readonly levels: readonly number[];
    }
  | { readonly kind: "tracks"; readonly tracks: readonly Track[]; readonly done: boolean }
  | {
      readonly kind: "sweep";
      readonly xs: readonly number[];
      readonly ys: readonly number[];
      readonly losses: Float32Array;
      readonly steps: number;
      readonly done: boolean;
    }
  | { readonly kind: "complaint"; readonly complaint: Complaint };

export type ToWorker = { readonly id: number; readonly request: Request };
export type FromWorker = { readonly id: number; readonly answer: Answer };
