import type { DataFrame } from "danfojs-node";

/**
 * danfojs, whose data frames show themselves from then on, those that a notebook makes too: in Deno's kernel by the method
 * `Symbol.for("Jupyter.display")`, which their prototype gets. It is loaded only where it is needed: that takes seconds.
 *
 * @example
 * ```ts
 * const { DataFrame } = await tt.danfo();
 * await tt.show(new DataFrame([{ arm: "learned", shots: 5 }]));
 * ```
 */
export async function danfo(): Promise<typeof import("danfojs-node")> {
  const module = await import("danfojs-node");
  const display = async function (this: DataFrame): Promise<unknown> {
    return (await import("./plot/mime.js")).frameBundle(this);
  };
  Object.defineProperty(module.DataFrame.prototype, Symbol.for("Jupyter.display"), {
    value: display,
    configurable: true,
    writable: true,
  });
  return module;
}
