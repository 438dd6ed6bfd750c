import { enumerate, runTestbed, type SliderName, subsetProblem, type TestbedOptions } from "../../theory/index.js";
import { contrastingGates } from "../../theory/testbed/study.js";
import { type Displayable, jupyterDisplay } from "../mime.js";
import { pageHtml } from "../page.js";
import { fontFamily, pages, palette } from "../style.js";

interface Slider {
  readonly name: SliderName;
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly logarithmic?: boolean;
}

const sliders: readonly Slider[] = [
  { name: "tc", title: "cold temperature", from: 0.01, to: 1, logarithmic: true },
  { name: "th", title: "hot temperature", from: 0.05, to: 5, logarithmic: true },
  { name: "eta", title: "step size", from: 0.001, to: 10, logarithmic: true },
  { name: "R", title: "box R", from: 0.1, to: 5, logarithmic: true },
  { name: "gamma", title: "price of complexity", from: 0, to: 1 },
];

const updates = ["mirror", "euler", "adaptive"] as const;

const title = "Convergence, beside what the theorem allows: all values at once";

/**
 * The testbed in the reader's hands: sliders for the temperatures, the step size, the box, the price of complexity and the
 * step, and a choice of the update. Every move searches again, in the page, by the library's own code: regret and its bound,
 * gates and loss landscape follow, for any combination of values.
 *
 * It works in a saved notebook without a kernel. A notebook that isn't trusted hides it, as all scripts of outputs;
 * `figures.convergence` is shown there too.
 *
 * @param options - where the sliders stand at first; gradients are those of all points
 * @returns something to show: a page in a frame, without access to the notebook or the network
 * @example
 * ```ts
 * await tt.show(tt.convergenceExplorer({ update: "adaptive" }));
 * ```
 * Source: Theorems 1 and 8 of this project's method notes (docs/theory.md).
 */
export function convergenceExplorer(
  options: Omit<TestbedOptions, "update" | "estimator" | "batch" | "initialLogits"> & {
    readonly update?: (typeof updates)[number];
    readonly penalty?: number;
  } = {},
): Displayable {
  const { update = "mirror", penalty = 0.15, seed = 0, steps = 200 } = options;
  const problem = subsetProblem({ seed, penalty });
  const settingsOf = (of: (typeof updates)[number], stepSize?: number) =>
    runTestbed(problem, { ...options, steps, update: of, stepSize }).settings;
  const { stepSize, coldTemperature, hotTemperature, logitBound } = settingsOf(update, options.stepSize);
  const { ink, muted, grid, paper, scale } = pages.light;
  const { kind, gateCount, products, labels } = problem;
  const html = pageHtml({
    modules: ["theory/testbed/study", "theory/testbed/enumerate", "theory/testbed/problem", "plot/numbers"],
    script: "convergence.js",
    height: 530,
    style: `
      body { margin: 0 auto; padding: 0 14px; max-width: 900px; background: ${paper}; color: ${ink}; font: 13px ${fontFamily}; }
      h1 { margin: 14px 0 6px; font-size: 16px; font-weight: normal; }
      p { margin: 0 0 6px; min-height: 2.6em; line-height: 1.3; color: ${muted}; font-size: 12px; }
      svg { display: block; width: 100%; }
      svg text { font-size: 12px; fill: ${muted}; }
      svg text.title { font-size: 13px; fill: ${ink}; }
      .grid { stroke: ${grid}; }
      .axis { stroke: ${muted}; }
      .now { stroke: ${muted}; stroke-dasharray: 2 3; }
      polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
      rect { shape-rendering: crispEdges; }
      circle { fill: ${palette.red}; }
      #controls { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 6px 24px; padding: 10px 0; }
      label { display: block; color: ${muted}; }
      output { color: ${ink}; }
      input { display: block; width: 100%; margin: 4px 0; accent-color: ${palette.blue}; }
    `,
    data: {
      title,
      look: { ...palette, ink, scale },
      sliders,
      problem: { kind, gateCount, products: base64(products), labels: base64(labels) },
      pair: contrastingGates(enumerate(problem)),
      values: { tc: coldTemperature, th: hotTemperature, eta: stepSize, R: logitBound, gamma: penalty },
      update,
      steps,
      stepSizes: Object.fromEntries(updates.map((name) => [name, settingsOf(name).stepSize])),
    },
  });
  return {
    [jupyterDisplay]: () => ({ "text/html": html, "text/plain": `${title} (a page, for trusted notebooks)` }),
  };
}

function base64(values: Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
}
