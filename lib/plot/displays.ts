import { inspect } from "node:util";
import { Dataset } from "../data/index.js";
import type { MimeBundle } from "../kernel.js";
import { Search } from "../search/index.js";
import { Architecture, type Budget, SearchSpace } from "../space/index.js";
import { Certificate, describeCertificate } from "../theory/index.js";
import { TransferResult } from "../transfer/index.js";
import { certificate } from "./bounds.js";
import { budgetText } from "./budgetText.js";
import { contactSheet } from "./contactSheet.js";
import type { Table } from "./figure.js";
import { keptGates } from "./keptGates.js";
import { figureBundle, jupyterDisplay, tableBundle, tableHtml } from "./mime.js";
import { percent, whole } from "./numbers.js";
import { searchPanel } from "./searchPanel.js";
import { textStill } from "./textStill.js";
import { transfer } from "./transfer.js";

/**
 * Teaches a class how its values show themselves: in a notebook by `tt.show(value)`, in Deno's kernel as a cell's last
 * expression, and as text wherever Node prints them. The rooms above know nothing of figures, so their classes are taught here.
 */
function teach<T>(
  type: { readonly prototype: T },
  text: (value: T) => string,
  rich: (value: T) => MimeBundle | Promise<MimeBundle>,
): void {
  const define = (key: symbol, method: (this: T) => unknown): void => {
    Object.defineProperty(type.prototype, key, { value: method, configurable: true, writable: true });
  };
  define(inspect.custom, function () {
    return text(this);
  });
  define(jupyterDisplay, async function () {
    return { ...(await rich(this)), "text/plain": text(this) };
  });
}

teach(Dataset, datasetText, async (dataset) =>
  dataset.inputShape.length === 3 ? figureBundle(await contactSheet(dataset)) : tableBundle(classTable(dataset)),
);

teach(SearchSpace, (space) => String(space.summary()), spaceBundle);

teach(Search, searchText, (search) => figureBundle(searchPanel(search)));

teach(Certificate, describeCertificate, (own) => figureBundle(certificate(own)));

teach(Architecture, architectureText, (architecture) => figureBundle(keptGates(architecture)));

teach(
  TransferResult,
  (result) => result.toString(),
  (result) => figureBundle(transfer(result)),
);

function datasetText(dataset: Dataset): string {
  const { name, classCount, inputShape, train, test, provenance } = dataset;
  return [
    `${name}: ${whole(train.count)} training and ${whole(test.count)} test examples of ${inputShape.join(" x ")}, ${classCount} classes`,
    `classes: ${dataset.classNames.slice(0, 40).join(", ")}${classCount > 40 ? ", ..." : ""}`,
    `source: ${provenance.source} (${provenance.licence})`,
  ].join("\n");
}

function classTable(dataset: Dataset): Table {
  const [train, test] = [dataset.rows("train"), dataset.rows("test")];
  return {
    columns: ["class", "train", "test"],
    rows: dataset.classNames.map((name, label) => [name, train[label].length, test[label].length]),
  };
}

function spaceBundle(space: SearchSpace): MimeBundle {
  const summary = space.summary();
  const { groups, ungated, full } = summary;
  const gated: Table = {
    columns: ["gates", "kind", "number", "layers", "parameters each", "multiply-adds each"],
    rows: groups.map((group) => [
      group.group,
      group.kind,
      group.gates,
      group.layers.join(", "),
      group.parametersPerGate,
      group.multiplyAddsPerGate,
    ]),
  };
  const without: Table = {
    columns: ["without gates", "class", "why"],
    rows: ungated.map(({ layer, className, reason }) => [layer, className, reason]),
  };
  const head = `<p>${whole(space.gateCount)} gates; ${whole(full.parameters)} parameters, ${whole(full.multiplyAdds)} multiply-adds</p>`;
  return {
    "text/html": head + tableHtml(gated) + (ungated.length > 0 ? tableHtml(without) : ""),
    "image/svg+xml": textStill(String(summary)),
  };
}

function searchText(search: Search): string {
  const { settings, step, dataset, space } = search;
  const state = search.finished ? "finished" : `at step ${whole(step)} of ${whole(settings.steps)}`;
  const { density, budget, penalty } = settings;
  const goal = budget
    ? budgetText(budget)
    : density === undefined
      ? `penalty ${penalty}`
      : `density ${percent(density)}`;
  return `search over ${whole(space.gateCount)} gates on ${dataset.name}, ${goal}, weights "${settings.weights}", update "${settings.update}", seed ${settings.seed}: ${state}`;
}

function architectureText(architecture: Architecture): string {
  const { density, counts, groups, mask, hash, provenance } = architecture;
  // What `within` left there; others may have left something else.
  const { budget, kept: met } = provenance as { budget?: Budget; kept?: Record<string, number> };
  const kept = mask.reduce((sum, gate) => sum + gate, 0);
  return [
    `architecture ${hash.slice(0, 12)}: ${whole(kept)} of ${whole(mask.length)} gates (${percent(density)}), ${whole(counts.parameters)} parameters, ${whole(counts.multiplyAdds)} multiply-adds`,
    ...(budget && met ? [`  budget: ${budgetText(budget, met)}`] : []),
    ...groups.map(({ name, offset, size }) => {
      const own = mask.subarray(offset, offset + size).reduce((sum, gate) => sum + gate, 0);
      return `  ${name}: ${whole(own)} of ${whole(size)}`;
    }),
  ].join("\n");
}
