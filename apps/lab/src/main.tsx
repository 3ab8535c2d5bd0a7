import "katex/dist/katex.min.css";
import "uplot/dist/uPlot.min.css";
import "./styles.css";
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
