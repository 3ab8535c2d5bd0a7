/** Rules raced over a surface. */
import { words } from "../i18n/index.js";
import { StepChart } from "./chart.js";
import { SurfaceMap } from "./map.js";
import { COLOURS } from "./palette.js";
import { Runners } from "./runners.js";
import { lab, tracks } from "./store.js";
import { SurfacePicker } from "./surfacePicker.js";
import { Transport } from "./transport.js";

export function PathsView() {
  const w = words.value;
  return (
    <div class="race">
      <div class="stage">
        <SurfacePicker />
        <SurfaceMap />
        <Transport />
        <StepChart
          title={w.lossChart}
          step={lab.value.step}
          log
          lines={tracks.value.map((track, i) => ({
            name: track.runner.rule,
            colour: COLOURS[i % COLOURS.length]!,
            values: track.losses,
          }))}
        />
      </div>
      <Runners />
    </div>
  );
}
