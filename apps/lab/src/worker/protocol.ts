/** What the page and the worker say to each other. Each request has a number; replies name the request they answer. */
import type { FormulaError } from "../core/formula.js";
import type { Grid } from "../core/grid.js";
import type { Palette } from "../core/paint.js";
import type { Track } from "../core/path.js";
import type { Depth } from "../core/relief.js";
import type { Runner } from "../core/rules.js";
import type { Axis, Zoom } from "../core/state.js";
import type { Surface, SurfaceName } from "../core/surfaces.js";

export interface SceneRequest {
  readonly kind: "scene";
  readonly surface: SurfaceName;
  readonly formula: string;
  readonly start: readonly [number, number];
  readonly runners: readonly Runner[];
  readonly steps: number;
}

/** The ground that paths go over, as a picture. */
export interface GroundRequest {
  readonly kind: "ground";
  readonly surface: SurfaceName;
  readonly formula: string;
  readonly start: readonly [number, number];
  readonly zoom: Zoom | null;
  readonly turned: readonly [number, number] | null;
  /** In the pixels of the page, of which each has `density` × `density` of the screen's. */
  readonly width: number;
  readonly height: number;
  readonly density: number;
  readonly palette: Palette;
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

export type Request = SceneRequest | GroundRequest | SweepRequest;

/** What is shown of a surface beside its heights. */
export type SurfaceFacts = Pick<Surface, "name" | "tex" | "axes" | "minima" | "start" | "view">;

export interface Complaint {
  readonly reason: FormulaError["reason"] | "option" | "other";
  readonly what: string;
  readonly at: number | null;
  /** The runner whose options are refused. */
  readonly runner: number | null;
}

/** A ground that has been drawn, and all that is needed to find places on it. */
export interface Ground {
  readonly kind: "ground";
  readonly facts: SurfaceFacts;
  readonly grid: Grid;
  readonly levels: readonly number[];
  readonly turned: readonly [number, number] | null;
  readonly width: number;
  readonly height: number;
  /** RGBA, in the screen's pixels. */
  readonly pixels: ImageData;
  /** Of a relief: what lies in front of what. */
  readonly depth: Depth | null;
}

export type Answer =
  | Ground
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
