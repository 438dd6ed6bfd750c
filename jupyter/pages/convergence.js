/* global data, document, requestAnimationFrame */
// The convergence explorer: whatever is moved, the search is done again here, by the library's own modules.
const { gatesAt, landscape, studied } = require("theory/testbed/study");
const { enumerate } = require("theory/testbed/enumerate");
const { problemOf } = require("theory/testbed/problem");
const { percent, round } = require("plot/numbers");

const { look, sliders, pair } = data;
const doubles = (text) => new Float64Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer);
const numbers = { ...data.problem, products: doubles(data.problem.products), labels: doubles(data.problem.labels) };
const axis = Array.from({ length: 21 }, (_, k) => k / 20);
const size = { width: 760, height: 290, top: 34, bottom: 46 };

// What the controls stand at, and what follows from it.
const values = { ...data.values };
let { update } = data;
let at = Infinity;
let problem, optimum, run;

function solve() {
  problem = problemOf({ ...numbers, penalty: values.gamma });
  optimum = enumerate(problem);
}

function search() {
  run = studied(problem, optimum, { ...values }, { update, steps: data.steps });
}

/** A pair of axes from `left`, `width` wide: where numbers lie on it, and what is drawn of it. */
function axes(left, width, [x0, x1], [y0, y1], xTicks, yTicks, xTitle, yTitle) {
  const { top, height, bottom } = size;
  const floor = height - bottom;
  const x = (value) => left + (width * (value - x0)) / (x1 - x0);
  const y = (value) => floor - ((floor - top) * (value - y0)) / (y1 - y0);
  const parts = [
    ...yTicks.map((tick) => `<line x1="${left}" x2="${left + width}" y1="${y(tick)}" y2="${y(tick)}" class="grid"/>`),
    ...yTicks.map((tick) => `<text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end">${round(tick)}</text>`),
    ...xTicks.map((tick) => `<text x="${x(tick)}" y="${floor + 17}" text-anchor="middle">${round(tick)}</text>`),
    `<line x1="${left}" x2="${left + width}" y1="${floor}" y2="${floor}" class="axis"/>`,
    `<text x="${left + width / 2}" y="${floor + 38}" text-anchor="middle" class="title">${xTitle}</text>`,
    `<text transform="translate(${left - 38} ${(top + floor) / 2}) rotate(-90)" text-anchor="middle" class="title">${yTitle}</text>`,
  ];
  const line = (xs, ys, color) => {
    const points = xs.flatMap((value, k) => (Number.isFinite(ys[k]) ? [`${x(value)},${y(ys[k])}`] : []));
    return `<polyline points="${points.join(" ")}" stroke="${color}"/>`;
  };
  const dot = (xValue, yValue) => `<circle cx="${x(xValue)}" cy="${y(yValue)}" r="5"/>`;
  const label = (color, text, along) =>
    `<text x="${left + along}" y="${top - 12}" style="fill:${color}">${text}</text>`;
  return { x, y, frame: parts.join(""), line, dot, label };
}

/** Round numbers from 0 to at most `top`. */
function ticksTo(top) {
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, k) => k * step);
}

/** Light is low. */
function shade(value) {
  const stops = look.scale;
  const k = Math.max(
    1,
    stops.findIndex(([place]) => place >= value),
  );
  const [[from, low], [to, high]] = [stops[k - 1], stops[k]];
  const mix = (channel) => {
    const [a, b] = [low, high].map((color) => parseInt(color.slice(channel, channel + 2), 16));
    return Math.round(a + ((b - a) * (value - from)) / (to - from));
  };
  return `rgb(${[1, 3, 5].map(mix).join(" ")})`;
}

function draw() {
  const k = Math.min(at, run.steps.length - 1);
  const last = run.steps.at(-1);
  const half = Math.round(last / 2);
  const finite = [...run.regret, ...run.bound].filter(Number.isFinite);
  const highest = 1.04 * Math.max(...finite, 1e-9);
  const lowest = Math.min(0, ...finite);
  const regret = axes(46, 190, [0, last], [lowest, highest], [0, half, last], ticksTo(highest), "step", "regret");
  const gates = axes(300, 180, [0, last], [-0.03, 1.03], [0, half, last], [0, 0.5, 1], "step", "gates");
  const titles = pair.map((gate) => `gate ${gate}`);
  const plane = axes(552, 200, [-0.025, 1.025], [-0.025, 1.025], [0, 0.5, 1], [0, 0.5, 1], ...titles);
  const objective = landscape(problem, gatesAt(run, k), pair, axis);
  const [low, high] = [Math.min(...objective.flat()), Math.max(...objective.flat())];
  const cell = 1.05 / axis.length;
  const tiles = objective.flatMap((row, j) =>
    row.map((value, i) => {
      const corner = `x="${plane.x(axis[i] - cell / 2)}" y="${plane.y(axis[j] + cell / 2)}"`;
      const sides = `width="${plane.x(cell) - plane.x(0) + 0.5}" height="${plane.y(0) - plane.y(cell) + 0.5}"`;
      return `<rect ${corner} ${sides} fill="${shade((value - low) / (high - low || 1))}"/>`;
    }),
  );
  const walked = pair.map((gate) => run.gates[gate].slice(0, k + 1));
  const now = (panel, top) => {
    const x = panel.x(run.steps[k]);
    return `<line x1="${x}" x2="${x}" y1="${panel.y(0)}" y2="${panel.y(top)}" class="now"/>`;
  };
  const told = tell(k);
  picture.setAttribute("aria-label", told);
  picture.innerHTML = [
    regret.frame,
    regret.label(look.orange, "bound", 0) + regret.label(look.blue, "regret at the optimum", 46),
    now(regret, highest),
    regret.line(run.steps, run.bound, look.orange),
    regret.line(run.steps, run.regret, look.blue),
    regret.dot(run.steps[k], run.regret[k]),
    gates.frame,
    gates.label(look.blue, "kept by the best", 0) + gates.label(look.grey, "not kept", 112),
    now(gates, 1),
    ...run.gates.map((path, i) => gates.line(run.steps, path, optimum.mask[i] ? look.blue : look.grey)),
    plane.frame,
    ...tiles,
    plane.label(look.ink, "objective now: light is low", 0),
    plane.line(...walked, look.red),
    plane.dot(...walked.map((path) => path.at(-1))),
  ].join("");
  status.textContent = told;
}

function tell(k) {
  const [regret, bound] = [run.regret[k], run.bound[k]];
  const share = Number.isFinite(bound)
    ? `${round(bound, 4)} (${percent(regret / bound)})`
    : "infinity: it says nothing";
  const count = (2 ** problem.gateCount).toLocaleString("en-US");
  const outcome = run.found
    ? `the best of all ${count} architectures`
    : `another architecture than the best of all ${count}`;
  return `${run.steps[k]} steps: regret ${round(regret, 4)} of at most ${share}; objective ${round(run.excess[k], 2)} above the optimum; the run ends at ${outcome}.`;
}

// However fast a slider moves, there is one search a picture.
let waiting = false;
function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    try {
      if (problem.penalty !== values.gamma) solve();
      search();
      draw();
      picture.style.opacity = 1;
    } catch (error) {
      // Values that don't go together, in the library's own words.
      status.textContent = error.message;
      picture.style.opacity = 0.25;
    }
  });
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** A slider from 0 to 100 parts of its way; `choose` gets the value and says what to show of it. */
function slider(name, title, part, parts, choose) {
  const shown = element("output", { textContent: choose() });
  const input = element("input", { type: "range", name, max: parts, value: part });
  input.addEventListener("input", () => (shown.textContent = choose(Number(input.value))));
  return element("label", {}, `${title} `, shown, input);
}

function valueSlider({ name, title, from, to, logarithmic }) {
  const value = (part) => (logarithmic ? from * (to / from) ** (part / 100) : from + ((to - from) * part) / 100);
  const place = logarithmic ? Math.log(values[name] / from) / Math.log(to / from) : (values[name] - from) / (to - from);
  return slider(name, title, Math.round(100 * place), 100, (part) => {
    if (part !== undefined) {
      values[name] = Number(value(part).toPrecision(2));
      changed();
    }
    return round(values[name], 2);
  });
}

const status = element("p", { id: "status" });
const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
picture.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
picture.setAttribute("role", "img");
solve();
search();
const stepSlider = slider("step", "step", run.steps.length - 1, run.steps.length - 1, (part) => {
  if (part !== undefined) {
    at = part;
    draw();
  }
  return run.steps[Math.min(at, run.steps.length - 1)];
});
const choice = element("select", { name: "update" });
choice.append(
  ...Object.keys(data.stepSizes).map((name) => element("option", { textContent: name, selected: name === update })),
);
const controls = element("div", { id: "controls" });
function fill() {
  controls.replaceChildren(...sliders.map(valueSlider), stepSlider, element("label", {}, "update ", choice));
}
choice.addEventListener("change", () => {
  // Step sizes of different updates don't compare: each begins with its own best.
  update = choice.value;
  values.eta = data.stepSizes[update];
  fill();
  changed();
});
fill();
document.body.append(element("h1", { textContent: data.title }), status, picture, controls);
draw();
