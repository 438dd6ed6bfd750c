import { join } from "node:path";

/** One message that the library sent to the notebook. */
export interface Sent {
  readonly data: Record<string, unknown>;
  readonly transient: { readonly display_id?: string };
  readonly update: boolean;
  /** When, in milliseconds of `performance.now()`. */
  readonly at: number;
}

/** A stand-in for the module with which a kernel sends outputs; the real kernel is tested in `show.slow.test.ts`. */
export function fakeKernel(): { readonly sent: Sent[]; nextCell(): void; stop(): void } {
  const path = join(__dirname, "node_modules", "tslab", "dist", "jupyter.js");
  const sent: Sent[] = [];
  const writer = () => (message: Omit<Sent, "update" | "at">, update: boolean) =>
    void sent.push({ ...message, update, at: performance.now() });
  const module = { exports: { lastWriteDisplayData: writer() } };
  require.cache[path] = module as unknown as NodeJS.Module;
  return {
    sent,
    nextCell: () => void (module.exports.lastWriteDisplayData = writer()),
    stop: () => void delete require.cache[path],
  };
}
