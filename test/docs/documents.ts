import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { root } from "../scripts/support.js";

/** A page of Markdown; a notebook counts as the Markdown of its text cells. */
export interface Document {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of code. */
export interface CodeBlock {
  readonly document: string;
  /** The line of its first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));

/** The pages that a reader of the repository sees. */
export function documents(): Document[] {
  return [...pagesIn("."), ...pagesIn("docs"), join("datasets", "README.md")].map((path) => ({
    path,
    text: readFileSync(join(root, path), "utf8"),
  }));
}

/** The notebooks' text. */
export const notebooks = (): Document[] => cellsOfNotebooks("markdown");

/** The notebooks' code, as one module each. */
export const notebookCode = (): Document[] => cellsOfNotebooks("code");

function cellsOfNotebooks(kind: "markdown" | "code"): Document[] {
  const names = readdirSync(join(root, "notebooks")).filter((name) => name.endsWith(".ipynb"));
  return names.map((name) => {
    const path = join("notebooks", name);
    const { cells } = JSON.parse(readFileSync(join(root, path), "utf8")) as {
      cells: { cell_type: string; source: string | string[] }[];
    };
    const texts = cells.filter((cell) => cell.cell_type === kind).map((cell) => [cell.source].flat().join(""));
    return { path, text: texts.join("\n\n") };
  });
}

/** The fenced blocks of a page. */
export function codeBlocks({ path, text }: Document): CodeBlock[] {
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map((fence) => ({
    document: path,
    line: text.slice(0, fence.index).split("\n").length + 1,
    language: fence[1],
    code: fence[2],
  }));
}

/**
 * TypeScript as modules: a block that imports begins one, a block that doesn't goes on where the one before it in its page
 * ended.
 */
export function modules(document: Document): CodeBlock[] {
  const found: CodeBlock[] = [];
  for (const block of codeBlocks(document).filter(({ language }) => language === "ts")) {
    const last = found.at(-1);
    if (last && !/^import /m.test(block.code)) {
      const gap = "\n".repeat(Math.max(0, block.line - last.line - last.code.split("\n").length + 1));
      found[found.length - 1] = { ...last, code: last.code + gap + block.code };
    } else found.push(block);
  }
  return found;
}

/** A name for a module's file that tells where it comes from. */
export const moduleName = ({ document, line }: CodeBlock): string => `${basename(document, ".md")}-line-${line}`;

/** Targets of links and pictures that lead into the repository, outside code. */
export function internalLinks({ text }: Document): string[] {
  const prose = text.replace(/^```[^]*?^```$/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(\s*<?([^\s)>]+)>?[^)]*\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/i.test(target));
}

/** The anchors of a page's headings, as a code host makes them. */
export function anchors({ text }: Document): string[] {
  const prose = text.replace(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-"),
  );
}

/** A path relative to the repository. */
export const fromRoot = (path: string): string => relative(root, path);

/** All fenced blocks of a language. */
export const blocksOf = (language: string): CodeBlock[] =>
  documents()
    .flatMap(codeBlocks)
    .filter((block) => block.language === language);

/** The commands of a block, one a line, without comments. */
export const commandsOf = ({ code }: CodeBlock): string[] =>
  code
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*/, "").trim())
    .filter(Boolean);
