/** Rules raced over a surface. */
import { Later } from "./later.js";
import { LossChart } from "./lossChart.js";
import { SurfaceMap } from "./map.js";
import { Runners } from "./runners.js";
import { SurfacePicker } from "./surfacePicker.js";
import { Transport } from "./transport.js";

export function PathsView() {
  return (
    <div class="race">
      <div class="stage">
        <SurfacePicker />
        <SurfaceMap />
        <Transport />
        <LossChart />
      </div>
      <Later height={400}>
        <Runners />
      </Later>
    </div>
  );
}
