import { TwotempError } from "../errors.js";
import type { Search } from "../search/index.js";
import type { Bound, Certificate } from "../theory/index.js";
import { boundParts } from "./bounds.js";
import { type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "./figure.js";
import { duration, percent, round, whole } from "./numbers.js";
import { curveParts } from "./searchCurves.js";
import { palette } from "./style.js";

/** What {@link searchPanel} reads of a search. */
export type SearchUnderWay = Pick<Search, "trace" | "step" | "finished" | "seconds" | "certificate">;

/**
 * A whole search in one figure: loss and price of complexity, fraction kept of each group, the gates' histogram at the
 * last record, the certificate, and the time left. {@link live.search} redraws it in place.
 *
 * @param search - under way, stopped or finished
 * @returns a figure; its table is that of {@link searchCurves}
 * @example
 * ```ts
 * await tt.show(tt.figures.searchPanel(search));
 * ```
 */
export function searchPanel(search: SearchUnderWay, options: FigureOptions = {}): Figure {
  return panelWith(search, certificateSoFar(search), options);
}

/** The panel with a certificate that may be a little older than the rest. */
export function panelWith(
  search: Omit<SearchUnderWay, "certificate">,
  certificate: Certificate | undefined,
  options: FigureOptions = {},
): Figure {
  const { trace, step, seconds, finished } = search;
  const curves = curveParts(trace, 0.46);
  const left = step > 0 ? `about ${duration((seconds / step) * (trace.steps - step))} left` : "not begun";
  const title = finished
    ? `Search: ${whole(trace.steps)} steps in ${duration(seconds)}`
    : `Search: step ${whole(step)} of ${whole(trace.steps)}, ${left}`;

  const histogram = trace.entries.at(-1)?.histogram ?? [];
  const gates = trace.groups.reduce((sum, group) => sum + group.size, 0);
  const bars: PlotlyObject = {
    type: "bar",
    x: histogram.map((_, bin) => round((bin + 0.5) / histogram.length)),
    y: histogram.map((count) => round(count / gates, 4)),
    xaxis: "x2",
    yaxis: "y3",
    width: 0.9 / Math.max(1, histogram.length),
    marker: { color: palette.blue },
    hovertemplate: "gate near %{x}: %{y:.1%} of the gates<extra></extra>",
  };
  const bound = boundParts(certificate ? [certificate.atFinal, certificate.atWorst] : [], "x3", "y4", shortly);
  const own = (name: string): PlotlyObject => bound.layout[name] as PlotlyObject;
  const { annotations, shapes } = curves.layout as { annotations: PlotlyObject[]; shapes: PlotlyObject[] };
  return makeFigure(
    {
      ...curves,
      title,
      data: [...curves.data, bars, ...bound.data],
      layout: {
        ...curves.layout,
        // What the reader zoomed stays as it is when the figure is redrawn.
        uirevision: "search",
        margin: { r: 20 },
        xaxis2: {
          anchor: "y3",
          domain: [0.7, 1],
          title: { text: "gate" },
          range: [0, 1],
          tickvals: [0, 0.5, 1],
          ticktext: ["closed", "0.5", "open"],
        },
        yaxis3: {
          anchor: "x2",
          domain: [0.54, 1],
          title: { text: "gates" },
          tickformat: ".0%",
          range: [0, 1],
          nticks: 5,
        },
        xaxis3: {
          ...own("xaxis3"),
          domain: [0.66, 1],
          title: { text: certificate ? "regret, part of its bound" : "" },
        },
        yaxis4: { ...own("yaxis4"), domain: [0, 0.32] },
        annotations: [...annotations, ...bound.annotations],
        shapes: [...shapes, ...bound.shapes],
      },
    },
    options,
  );
}

/** A search that can't say yet which architecture it would keep has no certificate yet. */
export function certificateSoFar(search: SearchUnderWay): Certificate | undefined {
  if (search.step === 0) return undefined;
  try {
    return search.certificate();
  } catch (error) {
    if (error instanceof TwotempError) return undefined;
    throw error;
  }
}

/** `final architecture: 27 %`, in the little room of the panel. */
function shortly(bound: Bound): [string] {
  const at = bound.what.replace(/^regret at the /, "");
  return [bound.ratio === undefined ? `${at}: no bound` : `${at}: ${percent(bound.ratio)}`];
}
