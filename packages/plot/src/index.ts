export { type CompareOptions, compareRuns, type NamedRun } from "./charts/compareRuns.js";
export { type Confusion, confusionMatrix } from "./charts/confusionMatrix.js";
export type { Path } from "./charts/contour.js";
export { type ContourOptions, contour } from "./charts/contour.js";
export { type HeatMapInput, type HeatMapOptions, heatMap } from "./charts/heatMap.js";
export {
  type HistogramInput,
  histogram,
  type ParameterHistogramOptions,
  parameterHistograms,
} from "./charts/histogram.js";
export { plot } from "./charts/plot.js";
export { type Predictions, predictedVsActual } from "./charts/predictedVsActual.js";
export { type CurveOptions, lossCurves, metricCurves } from "./charts/runCurves.js";
export { type StepSizeOptions, stepSizes } from "./charts/stepSizes.js";
export type { Table, TextOptions } from "./drawing.js";
export type { Figure, PNGOptions, SVGOptions } from "./figure.js";
export type { ChartOptions, PlotOptions } from "./options.js";
export { type ReportOptions, report } from "./report/report.js";
export type { Numbers, PlotInput } from "./series.js";
export type { EvaluationLike, FindingLike, HistoryData, HistoryLike, SummaryLike } from "./shapes.js";
