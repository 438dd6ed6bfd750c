import { sendDisplay } from "../kernel.js";
import { isDisplayable, mimeBundle } from "./mime.js";

/**
 * Shows a value below the running cell, or as text in a terminal.
 *
 * Figures, tables, data frames, data sets, spaces, searches, architectures, certificates and transfer results are shown in
 * one message that holds every form: interactive, still and text. A notebook shows the richest that it can; a code host,
 * the still. Of a list, what isn't a table is shown one after another.
 *
 * @param value - anything; what isn't known is shown as text
 * @throws TwotempError `plot/still` if Plotly refuses the figure
 * @example
 * ```ts
 * await tt.show(tt.figures.searchCurves(search.trace));
 * ```
 */
export async function show(value: unknown): Promise<void> {
  if (Array.isArray(value) && value.some(isDisplayable)) {
    for (const each of value) await show(each);
    return;
  }
  const bundle = await mimeBundle(value);
  if (!sendDisplay(bundle)) console.log(bundle["text/plain"]);
}
