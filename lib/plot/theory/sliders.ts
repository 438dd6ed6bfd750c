import type { PlotlyObject } from "../figure.js";

/** A slider that goes to named frames. */
export function frameSlider(
  prefix: string,
  steps: readonly { readonly label: string; readonly frame: string }[],
  active: number,
  place: PlotlyObject = {},
): PlotlyObject {
  return {
    active,
    currentvalue: { prefix, font: { size: 13 } },
    ticklen: 0,
    minorticklen: 0,
    ...place,
    steps: steps.map(({ label, frame }) => ({
      label,
      method: "animate",
      args: [[frame], { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } }],
    })),
  };
}
