import "katex/dist/katex.min.css";
import "uplot/dist/uPlot.min.css";
import "./styles.css";
import { render } from "preact";
import { App } from "./ui/app.js";
import { connect } from "./ui/store.js";

connect();
render(<App />, document.getElementById("app")!);
if ("serviceWorker" in navigator && import.meta.env.PROD) void navigator.serviceWorker.register("./sw.js");
