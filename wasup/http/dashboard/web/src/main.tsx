import "@picocss/pico/css/pico.min.css";
import "uplot/dist/uPlot.min.css";
import "./styles/index.css";
import { render } from "preact";
import { App } from "./app";

const root = document.getElementById("app");
if (root) render(<App />, root);
