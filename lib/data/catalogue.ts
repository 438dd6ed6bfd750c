import { TwotempError } from "../errors.js";
import type { WorkOptions } from "../progress.js";
import type { Dataset, Provenance } from "./dataset.js";
import { readDigits } from "./digits.js";
import { dataFolders, findFiles } from "./folders.js";
import { readIdx, type IdxOptions } from "./idx.js";

/** A data set that {@link dataset} knows by name. */
export interface CatalogueEntry {
  readonly name: string;
  readonly about: Omit<Provenance, "files" | "steps">;
  /** The files that must be there, in the order in which `read` takes them. */
  readonly files: readonly string[];
  readonly read: (paths: readonly string[], signal?: AbortSignal) => Promise<Dataset>;
}

const mnistFiles = [
  "train-images-idx3-ubyte.gz",
  "train-labels-idx1-ubyte.gz",
  "t10k-images-idx3-ubyte.gz",
  "t10k-labels-idx1-ubyte.gz",
];

function idxEntry(
  name: string,
  files: readonly string[],
  about: CatalogueEntry["about"],
  options: IdxOptions = {},
): CatalogueEntry {
  return {
    name,
    about,
    files,
    read: ([trainImages, trainLabels, testImages, testLabels], signal) =>
      readIdx({ trainImages, trainLabels, testImages, testLabels }, { name, provenance: about, ...options, signal }),
  };
}

const digitsAbout = {
  source: "UCI optical recognition of handwritten digits, 8x8, by E. Alpaydin and C. Kaynak",
  licence: "CC BY 4.0",
  citation:
    "Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning Repository. doi:10.24432/C50P49",
};

/** Every data set that {@link dataset} knows. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: "digits",
    about: digitsAbout,
    files: ["optdigits.tra", "optdigits.tes"],
    read: ([train, test], signal) => readDigits({ train, test }, digitsAbout, signal),
  },
  idxEntry("mnist", mnistFiles, {
    source: "MNIST handwritten digits, 28x28, by Y. LeCun, C. Cortes and C. J. C. Burges",
    licence: "CC BY-SA 3.0",
    citation:
      "LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. (1998). Gradient-based learning applied to document recognition. Proceedings of the IEEE 86(11), 2278-2324.",
  }),
  idxEntry(
    "fashion-mnist",
    mnistFiles,
    {
      source: "Fashion-MNIST, pictures of clothes, 28x28, by Zalando Research",
      licence: "MIT",
      citation:
        "Xiao, H., Rasul, K. and Vollgraf, R. (2017). Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms. arXiv:1708.07747.",
    },
    {
      classNames: [
        "t-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
      ],
    },
  ),
  idxEntry(
    "kmnist",
    mnistFiles,
    {
      source:
        "Kuzushiji-MNIST, cursive Japanese characters, 28x28, by the ROIS-DS Center for Open Data in the Humanities",
      licence: "CC BY-SA 4.0",
      citation:
        "Clanuwat, T., Bober-Irizar, M., Kitamoto, A., Lamb, A., Yamamoto, K. and Ha, D. (2018). Deep learning for classical Japanese literature. arXiv:1812.01718.",
    },
    { classNames: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"] },
  ),
  idxEntry(
    "emnist-letters",
    ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"].map(
      (part) => `emnist-letters-${part}-ubyte.gz`,
    ),
    {
      source:
        "EMNIST letters, handwritten, upper and lower case merged, 28x28, by G. Cohen and others from NIST Special Database 19",
      licence: "public domain (a work of the United States government)",
      citation:
        "Cohen, G., Afshar, S., Tapson, J. and van Schaik, A. (2017). EMNIST: extending MNIST to handwritten letters. International Joint Conference on Neural Networks, 2921-2926.",
    },
    { classNames: [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"], firstLabel: 1, transposed: true },
  ),
];

/**
 * Loads a data set by name, with a selection of its classes after a colon if only some are wanted.
 *
 * @param name - a name of the {@link catalogue}, or `name:classes` as {@link Dataset.classes} takes them
 * @throws TwotempError `data/name` for an unknown name, `data/path` if its files are nowhere, and the errors of its reader
 * @example
 * ```ts
 * const letters = await tt.dataset("emnist-letters");
 * const source = await tt.dataset("digits:0-4");
 * ```
 */
export async function dataset(name: string, options: WorkOptions = {}): Promise<Dataset> {
  const colon = name.indexOf(":");
  const base = colon === -1 ? name : name.slice(0, colon);
  const entry = catalogue.find((candidate) => candidate.name === base);
  if (!entry) {
    const known = catalogue.map((candidate) => candidate.name).join(", ");
    throw new TwotempError("data/name", `unknown data set "${base}"; known: ${known}`);
  }
  const paths = findFiles(entry.name, entry.files);
  if (!paths) {
    throw new TwotempError(
      "data/path",
      `${entry.files.join(", ")} of ${base} not found in ${dataFolders().join(", ")}`,
    );
  }
  const whole = await entry.read(paths, options.signal);
  return colon === -1 ? whole : whole.classes(name.slice(colon + 1));
}
