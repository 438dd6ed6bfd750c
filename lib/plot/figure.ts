import type { MimeBundle } from "../kernel.js";
import { csvText } from "../table.js";
import { round } from "./numbers.js";
import { template, type Theme } from "./style.js";

/** A part of a Plotly figure: plain JSON. */
export type PlotlyObject = Readonly<Record<string, unknown>>;

/** Numbers in rows and named columns. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/**
 * A Plotly figure as plain JSON, with the numbers that it draws.
 *
 * `data`, `layout` and `frames` are what `Plotly.newPlot` takes; `table` is what {@link saveFigure} writes as CSV.
 */
export interface Figure {
  readonly data: readonly PlotlyObject[];
  readonly layout: PlotlyObject;
  readonly frames?: readonly PlotlyObject[];
  readonly table: Table;
}

/** Options of every figure. */
export interface FigureOptions {
  /** The finding, in the reader's words; default: what is drawn. */
  readonly title?: string;
  /** Colours for a light (default) or a dark page. */
  readonly theme?: Theme;
}

/** What a figure function hands to {@link makeFigure}. */
export interface FigureParts {
  readonly title: string;
  /** Under the title: how many runs, what the intervals are. */
  readonly subtitle: string;
  readonly data: readonly PlotlyObject[];
  readonly layout: PlotlyObject;
  readonly frames?: readonly PlotlyObject[];
  readonly table: Table;
}

/** A figure in the project's one style. */
export function makeFigure(parts: FigureParts, options: FigureOptions = {}): Figure {
  const layout = {
    title: { text: escapeText(options.title ?? parts.title), subtitle: { text: escapeText(parts.subtitle) } },
    ...parts.layout,
    template: template(options.theme ?? "light"),
  };
  const frames = parts.frames && { frames: parts.frames };
  return displayed({ data: parts.data, layout, ...frames, table: parts.table });
}

/** The figure with the method by which Deno's kernel shows a cell's last expression; it isn't part of the JSON. */
function displayed(figure: Figure): Figure {
  const show = async (): Promise<MimeBundle> => (await import("./mime.js")).figureBundle(figure);
  return Object.defineProperty(figure, Symbol.for("Jupyter.display"), { value: show });
}

/** The same figure for a light or a dark page. */
export function withTheme(figure: Figure, theme: Theme): Figure {
  return displayed({ ...figure, layout: { ...figure.layout, template: template(theme) } });
}

/** Text that Plotly shows as it is: it reads a few HTML tags in labels. */
export function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** What stands before the name of a line in its colour; the name has the page's, which is easily read. */
export const lineKey = (color: string): string => `<span style="color:${color}"><b>—</b></span>`;

/**
 * A table as comma-separated values (RFC 4180), numbers to 7 significant digits, infinite ones as empty cells.
 *
 * @example
 * ```ts
 * toCsv({ columns: ["arm", "accuracy"], rows: [["learned", 0.75]] });   // "arm,accuracy\nlearned,0.75\n"
 * ```
 */
export function toCsv({ columns, rows }: Table): string {
  return csvText(
    columns,
    rows.map((row) =>
      row.map((cell) => (typeof cell !== "number" ? cell : Number.isFinite(cell) ? round(cell, 7) : null)),
    ),
  );
}
