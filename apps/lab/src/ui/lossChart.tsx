/** The losses of all runners, step by step. */
import { useMemo } from "preact/hooks";
import { namesOf } from "../core/rules.js";
import { words } from "../i18n/index.js";
import { StepChart } from "./chart.js";
import { COLOURS } from "./palette.js";
import { step, told, tracks } from "./store.js";

export function LossChart() {
  const runs = tracks.value;
  const lines = useMemo(() => {
    const names = namesOf(runs.map(({ runner }) => runner));
    return runs.map(({ losses }, i) => ({
      name: names[i]!,
      colour: COLOURS[i % COLOURS.length]!,
      values: losses,
    }));
  }, [runs]);
  return <StepChart title={words.value.lossChart} step={step} told={told} log lines={lines} />;
}
