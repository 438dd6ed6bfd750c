import { sep } from "node:path";

/** One value in several forms, by MIME type; a notebook shows the richest form that it can. */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** What tslab sends to the notebook. */
interface DisplayMessage {
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly transient: { readonly display_id?: string };
}

type DisplayWriter = (message: DisplayMessage, update: boolean) => void;

/** tslab's public API sends one MIME type a message; its own module, loaded by the kernel before us, sends several. */
function displayWriter(): DisplayWriter | undefined {
  const tslab = Object.keys(require.cache).find((path) => path.endsWith(["tslab", "dist", "jupyter.js"].join(sep)));
  const exported = tslab && (require.cache[tslab]?.exports as { lastWriteDisplayData?: DisplayWriter | null });
  return (exported && exported.lastWriteDisplayData) || undefined;
}

/** Whether this process is a notebook's kernel. */
export function inKernel(): boolean {
  return displayWriter() !== undefined;
}

/** Something that is the same as long as one cell runs, and another in the next; undefined outside a kernel. */
export function runningCell(): unknown {
  return displayWriter();
}

/**
 * Sends one output to the running cell, or changes one that was sent before.
 *
 * @param bundle - the output's forms by MIME type
 * @param display - `id` names the output; with `update` the one of that name is replaced where it stands
 * @returns whether there is a kernel to send it
 */
export function sendDisplay(bundle: MimeBundle, display: { id?: string; update?: boolean } = {}): boolean {
  const write = displayWriter();
  if (!write) return false;
  const transient = display.id === undefined ? {} : { display_id: display.id };
  write({ data: bundle, metadata: {}, transient }, display.update ?? false);
  return true;
}
