/** The losses of all runners, step by step. */
import { words } from "../i18n/index.js";
import { StepChart } from "./chart.js";
import { COLOURS } from "./palette.js";
import { lab, tracks } from "./store.js";

export function LossChart() {
  return (
    <StepChart
      title={words.value.lossChart}
      step={lab.value.step}
      log
      lines={tracks.value.map((track, i) => ({
        name: track.runner.rule,
        colour: COLOURS[i % COLOURS.length]!,
        values: track.losses,
      }))}
    />
  );
}
