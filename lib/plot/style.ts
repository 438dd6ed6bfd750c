/** The colours of the page that a figure stands on. */
export type Theme = "light" | "dark";

interface Page {
  readonly paper: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  /** From nothing to everything, for images of gates. */
  readonly scale: readonly (readonly [number, string])[];
  /** From closed through undecided to open, for images of logits. */
  readonly diverging: readonly (readonly [number, string])[];
}

export const pages: Readonly<Record<Theme, Page>> = {
  light: {
    paper: "#ffffff",
    ink: "#1f2328",
    muted: "#59636e",
    grid: "#e3e7eb",
    scale: [
      [0, "#f1f3f5"],
      [0.5, "#6fa8ea"],
      [1, "#083a75"],
    ],
    diverging: [
      [0, "#8a4a06"],
      [0.25, "#e9a55b"],
      [0.5, "#f4f5f6"],
      [0.75, "#6fa8ea"],
      [1, "#083a75"],
    ],
  },
  dark: {
    paper: "#12161b",
    ink: "#e6e9ec",
    muted: "#9aa5b1",
    grid: "#2d343c",
    scale: [
      [0, "#20262d"],
      [0.5, "#2f74c4"],
      [1, "#d6e7fb"],
    ],
    diverging: [
      [0, "#fbdcb4"],
      [0.25, "#b0640f"],
      [0.5, "#20262d"],
      [0.75, "#2f74c4"],
      [1, "#d6e7fb"],
    ],
  },
};

/**
 * Colours that readers with any colour vision tell apart, on light and dark pages: contrast of at least 3 to both, and
 * at least 25 apart (CIE 1976) as seen with normal, red-blind and green-blind eyes.
 */
export const palette = {
  blue: "#096fdd",
  red: "#bf3326",
  green: "#0faa6a",
  orange: "#e47805",
  violet: "#8c81bf",
  grey: "#686770",
} as const;

/** How an arm looks wherever it is drawn. */
export interface ArmStyle {
  readonly color: string;
  readonly symbol: string;
  readonly dash: string;
}

const look = (color: string, symbol: string, dash: string): ArmStyle => ({ color, symbol, dash });

/**
 * One look for each arm, in every figure. The colour tells the family, symbol and line tell the arms of a family apart,
 * without colour too: blue is learned, grey drawn at random or moved, orange chosen by magnitude, violet by gradients or
 * by another estimator or update, green uses the full network, red is a small or hand-made one.
 */
const arms: Readonly<Record<string, ArmStyle>> = {
  learned: look(palette.blue, "circle", "solid"),
  random: look(palette.grey, "square", "dot"),
  "random-varying": look(palette.grey, "diamond", "dash"),
  "random-erk": look(palette.grey, "triangle-up", "dashdot"),
  "random-operations": look(palette.grey, "triangle-left", "dot"),
  "best-random": look(palette.grey, "star", "solid"),
  shuffled: look(palette.grey, "x", "longdash"),
  inverted: look(palette.grey, "cross", "longdashdot"),
  "own-draw": look(palette.grey, "triangle-right", "solid"),
  magnitude: look(palette.orange, "square", "dot"),
  "magnitude-deviation": look(palette.orange, "diamond", "dash"),
  "magnitude-kept": look(palette.orange, "triangle-up", "dashdot"),
  "iterative-magnitude": look(palette.orange, "star", "longdash"),
  snip: look(palette.violet, "square", "dot"),
  synflow: look(palette.violet, "diamond", "dash"),
  grasp: look(palette.violet, "triangle-up", "dashdot"),
  "gumbel-sigmoid": look(palette.violet, "x", "longdash"),
  "hard-concrete": look(palette.violet, "cross", "longdashdot"),
  reinforce: look(palette.violet, "star", "dot"),
  "straight-through": look(palette.violet, "triangle-left", "dash"),
  mirror: look(palette.violet, "triangle-right", "solid"),
  adam: look(palette.violet, "circle", "longdash"),
  full: look(palette.green, "square", "solid"),
  "fine-tuned": look(palette.green, "diamond", "dash"),
  "linear-probe": look(palette.green, "triangle-up", "dot"),
  "small-parameters": look(palette.red, "square", "dot"),
  "small-multiply-adds": look(palette.red, "diamond", "dash"),
  lenet: look(palette.red, "triangle-up", "dashdot"),
  scattering: look(palette.red, "star", "longdash"),
  "linear-inputs": look(palette.red, "x", "longdashdot"),
};

const otherColors = [palette.red, palette.violet, palette.orange, palette.green] as const;
const otherSymbols = ["hexagon", "pentagon", "hexagram", "hourglass", "bowtie", "octagon", "triangle-down"] as const;

/** The look of an arm; an arm that the table doesn't know keeps one look too, made from its name. */
export function armStyle(arm: string): ArmStyle {
  const known = arms[arm];
  if (known) return known;
  // Learned too, in another way.
  if (/^(variant|strategy|space) /.test(arm)) return look(palette.blue, "circle", "dash");
  let hash = 0;
  for (const character of arm) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
  return look(otherColors[hash % otherColors.length], otherSymbols[hash % otherSymbols.length], "dot");
}

/** Colours of the groups of gates, which aren't arms: the palette where it reaches, all grey beyond. */
export function groupColors(count: number): string[] {
  const colors = Object.values(palette);
  return Array.from({ length: count }, (_, i) => (count <= colors.length ? colors[i] : palette.grey));
}

/**
 * The part of a scale's ends, from nothing, on which Plotly's text in the cells of a heatmap is read easily: where numbers
 * stand in cells, the scale goes to the largest value over this.
 */
export const readable = 0.4;

/** Arial's metrics on every system, so that text takes the same room wherever a figure is drawn. */
export const fontFamily = "Arial, 'Liberation Sans', Helvetica, sans-serif";

/** The Plotly template of a theme: everything about the look that isn't data. */
export function template(theme: Theme): Readonly<Record<string, unknown>> {
  const page = pages[theme];
  const axis = {
    automargin: true,
    gridcolor: page.grid,
    linecolor: page.muted,
    showline: true,
    tickcolor: page.muted,
    tickfont: { color: page.muted, size: 12 },
    ticklabelstandoff: 3,
    ticklen: 4,
    ticks: "outside",
    title: { font: { size: 13 }, standoff: 10 },
    zeroline: false,
    zerolinecolor: page.muted,
    zerolinewidth: 1.5,
  };
  const colorbar = {
    outlinewidth: 0,
    thickness: 12,
    tickcolor: page.muted,
    tickfont: { color: page.muted, size: 12 },
    ticklen: 4,
    ticks: "outside",
    title: { font: { size: 13 } },
  };
  return {
    layout: {
      annotationdefaults: { font: { size: 12 }, showarrow: false },
      coloraxis: { colorbar },
      colorscale: { sequential: page.scale, diverging: page.diverging },
      colorway: Object.values(palette),
      font: { family: fontFamily, size: 13, color: page.ink },
      hoverlabel: { font: { family: fontFamily } },
      legend: { bgcolor: "rgba(0,0,0,0)" },
      margin: { l: 64, r: 24, t: 72, b: 52 },
      sliderdefaults: {
        activebgcolor: palette.blue,
        bgcolor: page.grid,
        bordercolor: page.muted,
        borderwidth: 0,
        font: { color: page.muted, size: 12 },
      },
      updatemenudefaults: { bgcolor: page.paper, bordercolor: page.muted, font: { color: page.muted, size: 12 } },
      shapedefaults: { line: { color: page.muted, width: 1 } },
      paper_bgcolor: page.paper,
      plot_bgcolor: page.paper,
      title: {
        font: { size: 16 },
        pad: { t: 14, l: 14 },
        subtitle: { font: { color: page.muted, size: 12 } },
        x: 0,
        xanchor: "left",
        xref: "container",
        y: 1,
        yanchor: "top",
        yref: "container",
      },
      xaxis: { ...axis, showgrid: false },
      yaxis: { ...axis, showline: false, ticks: "" },
    },
    data: {
      heatmap: [{ autocolorscale: true, colorbar }],
    },
  };
}
