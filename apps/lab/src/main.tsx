import "katex/dist/katex.min.css";
import "uplot/dist/uPlot.min.css";
import "./styles/theme.css";
import "./styles/elements.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/map.css";
import "./styles/charts.css";
import "./styles/words.css";
import "./styles/sweep.css";
import "./styles/data.css";
import "./styles/small.css";
import { render } from "preact";
import { App } from "./ui/app.js";
import { computing, connect, lab, tracks } from "./ui/store.js";

connect();
// For whoever opens the console: what the page shows, as numbers.
Object.assign(globalThis, {
  lab: { state: () => lab.value, tracks: () => tracks.value, computing: () => computing.value },
});
render(<App />, document.getElementById("app")!);
if ("serviceWorker" in navigator && import.meta.env.PROD) void navigator.serviceWorker.register("./sw.js");
