import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { essence } from "../experiments/version.js";

const library = resolve(__dirname, "..");

/** Scripts that are written for pages, beside the renderer of figures. */
const scripts = resolve(__dirname, "../../../jupyter/pages");

/** A page that computes for itself, inside a notebook. */
export interface Page {
  /** Modules that its script may `require`, from `lib`, for example `"theory/bound"`. */
  readonly modules: readonly string[];
  /** Its script, in `jupyter/pages`; it finds its data in `data`. */
  readonly script: string;
  readonly style: string;
  /** Plain JSON. */
  readonly data: unknown;
  readonly height: number;
}

/**
 * A page as HTML for a notebook's output: a frame without access to the notebook or the network, in which the library's own
 * modules run. What it shows is what the library computes, with no kernel.
 */
export function pageHtml(page: Page): string {
  const data = JSON.stringify(page.data).replace(/</g, "\\u003c");
  const code = [bundle(page.modules), `const data = ${data};`, readFileSync(join(scripts, page.script), "utf8")];
  const inner = [
    "<!doctype html><meta charset=utf-8>",
    `<style>${page.style}</style><body><script>`,
    code.join("\n").replace(/<\/script/g, "<\\/script"),
    "</script>",
  ].join("");
  const source = inner.replace(/&/g, "&amp;").replace(/"/g, "&quot;");
  return `<iframe sandbox="allow-scripts" style="width:100%;height:${page.height}px;border:0" srcdoc="${source}"></iframe>`;
}

/**
 * Modules of the library, and what they import of it, with a `require` to find them. Packages, Node's own modules and the
 * engine stay out: a page has no use for them, and code that asks them for something fails there.
 */
function bundle(entries: readonly string[]): string {
  const sources = new Map<string, string>();
  const nameOf = (file: string): string => relative(library, file).replace(/\.js$/, "").split(sep).join("/");
  const visit = (name: string): void => {
    if (sources.has(name) || name.startsWith("engine/")) return;
    sources.set(name, "");
    const file = join(library, `${name}.js`);
    const source = essence(readFileSync(file, "utf8"));
    const linked = source.replace(/require\("(\.[^"]*)"\)/g, (_, path: string) => {
      const wanted = nameOf(resolve(dirname(file), path));
      visit(wanted);
      return `require("${wanted}")`;
    });
    sources.set(name, linked);
  };
  entries.forEach(visit);
  const modules = [...sources].map(([name, source]) => `"${name}": (exports, require, module) => {\n${source}\n}`);
  return `const require = ((modules) => {
  const loaded = {};
  return function require(name) {
    if (!modules[name]) return {};
    if (!loaded[name]) modules[name]((loaded[name] = { exports: {} }).exports, require, loaded[name]);
    return loaded[name].exports;
  };
})({\n${modules.join(",\n")}\n});`;
}
