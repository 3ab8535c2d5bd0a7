/** The losses of all runners, step by step. */
import { useMemo } from "preact/hooks";
import { words } from "../i18n/index.js";
import { StepChart } from "./chart.js";
import { COLOURS } from "./palette.js";
import { step, told, tracks } from "./store.js";

export function LossChart() {
  const runs = tracks.value;
  const lines = useMemo(
    () =>
      runs.map((track, i) => ({
        name: track.runner.rule,
        colour: COLOURS[i % COLOURS.length]!,
        values: track.losses,
      })),
    [runs],
  );
  return <StepChart title={words.value.lossChart} step={step} told={told} log lines={lines} />;
}
