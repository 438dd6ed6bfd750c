import type { Member } from "./archives.js";
import { readCifar, type CifarOptions } from "./cifar.js";
import type { Dataset, Provenance } from "./dataset.js";
import { readDigits } from "./digits.js";
import type { RemoteFile } from "./download.js";
import { readIdx, type IdxOptions } from "./idx.js";

/** A file to download; of an archive, the members that are wanted. */
export interface CatalogueSource extends RemoteFile {
  readonly members?: readonly Member[];
}

/** A data set that is known by name. */
export interface CatalogueEntry {
  readonly name: string;
  readonly about: Omit<Provenance, "files" | "steps">;
  /** The files that must be there, in the order in which `read` takes them. */
  readonly files: readonly string[];
  /** Where the files come from; empty if they can't be downloaded. */
  readonly sources: readonly CatalogueSource[];
  readonly read: (paths: readonly string[], signal?: AbortSignal) => Promise<Dataset>;
}

const digitsAbout = {
  source: "UCI optical recognition of handwritten digits, 8x8, by E. Alpaydin and C. Kaynak",
  licence: "CC BY 4.0",
  citation:
    "Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning Repository. doi:10.24432/C50P49",
};

const mnistFiles = [
  "train-images-idx3-ubyte.gz",
  "train-labels-idx1-ubyte.gz",
  "t10k-images-idx3-ubyte.gz",
  "t10k-labels-idx1-ubyte.gz",
];
const emnistFiles = ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"].map(
  (part) => `emnist-letters-${part}-ubyte.gz`,
);

const cifarHome = "https://www.cs.toronto.edu/~kriz/";
const cifarCitation =
  "Krizhevsky, A. (2009). Learning multiple layers of features from tiny images. Technical report, University of Toronto.";
const cifar10Names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const cifar10Batches = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`);
const cifar100Files = ["train.bin", "test.bin", "fine_label_names.txt"];

/** Every data set that {@link dataset} knows. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: "digits",
    about: digitsAbout,
    files: ["optdigits.tra", "optdigits.tes"],
    sources: [],
    read: ([train, test], signal) => readDigits({ train, test }, digitsAbout, signal),
  },
  idxEntry({
    name: "mnist",
    about: {
      source: "MNIST handwritten digits, 28x28, by Y. LeCun, C. Cortes and C. J. C. Burges",
      licence: "CC BY-SA 3.0",
      citation:
        "LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. (1998). Gradient-based learning applied to document recognition. Proceedings of the IEEE 86(11), 2278-2324.",
    },
    files: mnistFiles,
    sources: filesAt(
      ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
      "sha256",
      {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
      },
    ),
  }),
  idxEntry({
    name: "fashion-mnist",
    about: {
      source: "Fashion-MNIST, pictures of clothes, 28x28, by Zalando Research",
      licence: "MIT",
      citation:
        "Xiao, H., Rasul, K. and Vollgraf, R. (2017). Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms. arXiv:1708.07747.",
    },
    files: mnistFiles,
    sources: filesAt(
      [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
      ],
      "sha256",
      {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
      },
    ),
    reading: {
      classNames: "t-shirt/top,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot".split(","),
    },
  }),
  idxEntry({
    name: "kmnist",
    about: {
      source:
        "Kuzushiji-MNIST, cursive Japanese characters, 28x28, by the ROIS-DS Center for Open Data in the Humanities",
      licence: "CC BY-SA 4.0",
      citation:
        "Clanuwat, T., Bober-Irizar, M., Kitamoto, A., Lamb, A., Yamamoto, K. and Ha, D. (2018). Deep learning for classical Japanese literature. arXiv:1812.01718.",
    },
    files: mnistFiles,
    sources: filesAt(
      ["https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
      "md5",
      {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
      },
    ),
    reading: { classNames: "o,ki,su,tsu,na,ha,ma,ya,re,wo".split(",") },
  }),
  idxEntry({
    name: "emnist-letters",
    about: {
      source:
        "EMNIST letters, handwritten, upper and lower case merged, 28x28, by G. Cohen and others from NIST Special Database 19",
      licence: "not stated; NIST Special Database 19 is a work of the United States government",
      citation:
        "Cohen, G., Afshar, S., Tapson, J. and van Schaik, A. (2017). EMNIST: extending MNIST to handwritten letters. International Joint Conference on Neural Networks, 2921-2926.",
    },
    files: emnistFiles,
    sources: [
      {
        name: "emnist.zip",
        urls: [
          "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
          "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
        ],
        checksum: { algorithm: "md5", hex: "58c8d27c78d21e728a6bc7b3cc06412e" },
        members: emnistFiles.map((name) => ({ member: `gzip/${name}`, name })),
      },
    ],
    reading: { classNames: [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"], firstLabel: 1, transposed: true },
  }),
  cifarEntry({
    name: "cifar-10",
    about: {
      source: "CIFAR-10, small photographs, 32x32, colour, by A. Krizhevsky",
      licence: "not stated",
      citation: cifarCitation,
    },
    train: cifar10Batches,
    test: ["test_batch.bin"],
    sources: [
      {
        name: "cifar-10-binary.tar.gz",
        urls: [
          `${cifarHome}cifar-10-binary.tar.gz`,
          "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
        ],
        checksum: { algorithm: "md5", hex: "c32a1d4ab5d03f1284b67883e8d87530" },
        members: [...cifar10Batches, "test_batch.bin"].map((name) => ({
          member: `cifar-10-batches-bin/${name}`,
          name,
        })),
      },
    ],
    reading: { classNames: cifar10Names },
  }),
  cifarEntry({
    name: "cifar-100",
    about: {
      source: "CIFAR-100, small photographs, 32x32, colour, by A. Krizhevsky",
      licence: "not stated",
      citation: cifarCitation,
    },
    train: ["train.bin"],
    test: ["test.bin"],
    classNames: "fine_label_names.txt",
    sources: [
      {
        name: "cifar-100-binary.tar.gz",
        urls: [`${cifarHome}cifar-100-binary.tar.gz`],
        checksum: { algorithm: "md5", hex: "03b5dce01913d631647c71ecec9e9cb8" },
        members: cifar100Files.map((name) => ({ member: `cifar-100-binary/${name}`, name })),
      },
    ],
    reading: { labels: "fine" },
  }),
  cifarEntry({
    name: "cifar-10-jpeg",
    about: {
      source:
        "CIFAR-10, JPEG-recompressed: the first two of five training batches and the test batch, with pixels that went through JPEG (about 30 dB); not comparable with published results",
      licence: "not stated",
      citation: cifarCitation,
    },
    train: cifar10Batches.slice(0, 2),
    test: ["test_batch.bin"],
    sources: [],
    reading: { classNames: cifar10Names },
  }),
];

/** The same files in several homes, each with its checksum. */
function filesAt(
  homes: readonly string[],
  algorithm: "sha256" | "md5",
  checksums: Readonly<Record<string, string>>,
): CatalogueSource[] {
  return Object.entries(checksums).map(([name, hex]) => ({
    name,
    urls: homes.map((home) => home + name),
    checksum: { algorithm, hex },
  }));
}

/** A data set of four IDX files: images and labels for training, images and labels for testing. */
function idxEntry(entry: Omit<CatalogueEntry, "read"> & { reading?: IdxOptions }): CatalogueEntry {
  const { reading, ...rest } = entry;
  return {
    ...rest,
    read: ([trainImages, trainLabels, testImages, testLabels], signal) =>
      readIdx(
        { trainImages, trainLabels, testImages, testLabels },
        { name: entry.name, provenance: entry.about, ...reading, signal },
      ),
  };
}

/** A data set of CIFAR's binary files. */
function cifarEntry(
  entry: Omit<CatalogueEntry, "read" | "files"> & {
    train: readonly string[];
    test: readonly string[];
    classNames?: string;
    reading: CifarOptions;
  },
): CatalogueEntry {
  const { train, test, classNames, reading, ...rest } = entry;
  const tested = train.length + test.length;
  return {
    ...rest,
    files: [...train, ...test, ...(classNames === undefined ? [] : [classNames])],
    read: (paths, signal) =>
      readCifar(
        { train: paths.slice(0, train.length), test: paths.slice(train.length, tested), classNames: paths[tested] },
        { name: entry.name, provenance: entry.about, ...reading, signal },
      ),
  };
}
