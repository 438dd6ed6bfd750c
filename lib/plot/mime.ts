import { inspect } from "node:util";
import type { DataFrame } from "danfojs-node";
import { TwotempError } from "../errors.js";
import type { MimeBundle } from "../kernel.js";
import { alignedText } from "../table.js";
import type { Figure, Table } from "./figure.js";
import { round, whole } from "./numbers.js";
import { svg } from "./stills.js";
import { textStill } from "./textStill.js";

export const plotlyMime = "application/vnd.plotly.v1+json";

/** How a value tells a notebook what it looks like; Deno's kernel calls the same method. */
export const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** Rows of a table that are shown, at most. */
const rowLimit = 40;

/** A value that knows how to show itself. */
export interface Displayable {
  [jupyterDisplay](): MimeBundle | Promise<MimeBundle>;
}

/**
 * A value in the forms that a notebook can show: figures as interactive Plotly, SVG and text; tables, data frames and lists
 * of records as HTML, SVG and text; what has a method `Symbol.for("Jupyter.display")` as that says; the rest as text.
 */
export async function mimeBundle(value: unknown): Promise<MimeBundle> {
  if (isDisplayable(value)) return value[jupyterDisplay]();
  if (isFigure(value)) return figureBundle(value);
  const table = asTable(value);
  if (table) return tableBundle(table);
  return { "text/plain": typeof value === "string" ? value : inspect(value, { depth: 3, maxArrayLength: 40 }) };
}

/** A figure: interactive where Plotly is known, a still picture elsewhere, its title and first numbers as text. */
export async function figureBundle(figure: Figure): Promise<MimeBundle> {
  return { ...plotlyBundle(figure), ...(await stillOf(figure)) };
}

/** The part of {@link figureBundle} that takes no time: no still. */
export function plotlyBundle(figure: Figure): MimeBundle {
  const { data, layout, frames } = figure;
  return {
    [plotlyMime]: { data, layout, ...(frames && { frames }), config: { displaylogo: false } },
    "text/plain": figureText(figure),
  };
}

/** Without a browser a figure is shown without its still. */
async function stillOf(figure: Figure): Promise<MimeBundle> {
  try {
    return { "image/svg+xml": await svg(figure) };
  } catch (error) {
    if (error instanceof TwotempError && error.code === "plot/browser") return {};
    throw error;
  }
}

function figureText(figure: Figure): string {
  return `${figureHeading(figure).join("\n")}\n\n${tableText(figure.table, 12)}`;
}

/** A figure's title and subtitle. */
export function figureHeading(figure: Figure): string[] {
  const title = figure.layout.title as { text?: string; subtitle?: { text?: string } } | undefined;
  return [title?.text ?? "", title?.subtitle?.text ?? ""].map((text) =>
    text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&"),
  );
}

/** A table as HTML, as a still picture and as text. */
export function tableBundle(table: Table): MimeBundle {
  const text = tableText(table);
  return { "text/html": tableHtml(table), "image/svg+xml": textStill(text), "text/plain": text };
}

/** A danfojs data frame in the forms of a table; `danfo.ts` makes it the method by which frames show themselves. */
export function frameBundle(frame: DataFrame): MimeBundle {
  return tableBundle(asTable(frame)!);
}

/** A table as HTML in the notebook's own style, numbers to the right. */
export function tableHtml(table: Table, limit: number = rowLimit): string {
  const cell = (value: string | number | null): string =>
    typeof value === "string" ? `<td style="text-align:left">${escapeHtml(value)}</td>` : `<td>${cellText(value)}</td>`;
  const head = table.columns.map((column, c) => {
    const left = typeof table.rows[0]?.[c] === "string";
    return `<th${left ? ' style="text-align:left"' : ""}>${escapeHtml(column)}</th>`;
  });
  const body = table.rows.slice(0, limit).map((row) => `<tr>${row.map(cell).join("")}</tr>`);
  const more = table.rows.length > limit ? `<p>${limit} of ${whole(table.rows.length)} rows</p>` : "";
  return `<table class="dataframe"><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table>${more}`;
}

/** A table as aligned columns of text, numbers to the right. */
export function tableText(table: Table, limit: number = rowLimit): string {
  const shown = table.rows.slice(0, limit);
  const cells = [table.columns, ...shown.map((row) => row.map(cellText))];
  const text = alignedText(cells, (r, c) => typeof (shown[Math.max(0, r - 1)]?.[c] ?? "") !== "string");
  const more = `(${limit} of ${whole(table.rows.length)} rows)`;
  return table.rows.length > limit ? `${text}\n${more}` : text;
}

function cellText(value: string | number | null): string {
  return value === null ? "" : typeof value === "number" ? String(round(value, 5)) : value;
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** Whether a value says itself how it looks. */
export function isDisplayable(value: unknown): value is Displayable {
  return typeof (value as Partial<Displayable> | null | undefined)?.[jupyterDisplay] === "function";
}

function isFigure(value: unknown): value is Figure {
  const figure = value as Partial<Figure> | null | undefined;
  return Array.isArray(figure?.data) && typeof figure?.layout === "object" && typeof figure?.table === "object";
}

type Cell = string | number | null;

function toCell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "string") return value;
  if (typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    // It refers to itself.
    return inspect(value, { depth: 0, breakLength: Infinity });
  }
}

/** Whether a value is an object without a class, of a notebook's realm or this one, that doesn't say how it looks. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || isDisplayable(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Tables, danfojs data frames, and lists of records with the same plain fields. */
function asTable(value: unknown): Table | undefined {
  const frame = value as { columns?: unknown; rows?: unknown; values?: unknown } | null | undefined;
  if (Array.isArray(frame?.columns)) {
    const rows = Array.isArray(frame.rows) ? frame.rows : frame.values;
    if (!Array.isArray(rows) || !rows.every(Array.isArray)) return undefined;
    return { columns: frame.columns.map(String), rows: rows.map((row: unknown[]) => row.map(toCell)) };
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const records = value as readonly unknown[];
  if (!records.every(isPlain)) return undefined;
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return { columns, rows: records.map((record) => columns.map((column) => toCell(record[column]))) };
}
