const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { command } = require("./command.js");
const { SetupError } = require("./errors.js");
const { pip } = require("./python.js");
const { filesBelow, fingerprint, isStamped, stamp } = require("./stamp.js");

/**
 * Where TensorFlow's C library comes from on this machine: pip's list of pinned wheels, and pip's names for the platform. Only the
 * C library is used, so one wheel serves every version of Python.
 *
 * @param {boolean} gpu
 * @returns {{ list: string, platforms: string[], libraries: string[], untested: boolean } | undefined}
 */
function wheel(gpu) {
  const linux = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
  const mac = ["libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib"];
  const x64 = ["manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_12_x86_64", "manylinux_2_5_x86_64"];
  const sources = {
    "linux-x64": { list: "tensorflow.txt", platforms: x64, libraries: linux, untested: false },
    "linux-arm64": { list: "tensorflow.txt", platforms: ["manylinux_2_17_aarch64"], libraries: linux, untested: true },
    "darwin-arm64": { list: "tensorflow.txt", platforms: ["macosx_12_0_arm64"], libraries: mac, untested: true },
  };
  if (gpu) return { ...sources["linux-x64"], list: "tensorflow-gpu.txt", untested: true };
  return sources[/** @type {keyof typeof sources} */ (`${process.platform}-${process.arch}`)];
}

/** @param {boolean} gpu */
const folder = (gpu) => path.join(paths.build, gpu ? "tensorflow-gpu" : "tensorflow");

/**
 * The folder with the libraries and with include/; the CUDA build finds its NVIDIA libraries relative to itself and so stays in
 * its site-packages folder.
 *
 * @param {boolean} gpu
 */
const libraryFolder = (gpu) => (gpu ? path.join(folder(true), "tensorflow") : folder(false));

/** @param {boolean} gpu */
function print(gpu) {
  const source = wheel(gpu);
  if (!source) return "";
  const scripts = [path.join(__dirname, source.list), path.join(__dirname, "extract_wheel.py")];
  return fingerprint({ files: scripts, text: source.platforms });
}

/** The C library of TensorFlow, from the wheel that the project pins by its hash. */
module.exports = {
  name: "tensorflow",
  title: "TensorFlow library",
  needs: ["python"],
  without: "everything on WebAssembly, about ten times slower",

  /** @param {import("./choices.js").Choices} choices */
  isDone({ gpu }) {
    const place = libraryFolder(gpu);
    const complete = wheel(gpu)?.libraries.every((name) => fs.existsSync(path.join(place, name)));
    return Boolean(complete) && isStamped(path.basename(folder(gpu)), print(gpu));
  },

  /** @param {import("./choices.js").Choices} choices */
  async run({ gpu }) {
    const source = wheel(gpu);
    const remedy = "npm run setup -- --engine wasm";
    if (!source) throw new SetupError(`no TensorFlow wheel for ${process.platform} on ${process.arch}`, remedy);
    const final = folder(gpu);
    const partial = `${final}.partial`;
    const wheels = path.join(partial, "wheels");
    const content = path.join(partial, "content");
    fs.rmSync(partial, { recursive: true, force: true });
    fs.mkdirSync(wheels, { recursive: true });
    const disk = fs.statfsSync(partial);
    const free = (disk.bavail * disk.bsize) / 1e9;
    const needed = gpu ? 9 : 1.2;
    if (free < needed) {
      throw new SetupError(`${needed} GB of free disk needed in ${paths.build}, ${free.toFixed(1)} GB left`);
    }
    const target = ["--python-version", "3.12", "--implementation", "cp"];
    const platforms = source.platforms.flatMap((name) => ["--platform", name]);
    const pinned = ["--require-hashes", "-r", path.join(__dirname, source.list)];
    await command(
      "tensorflow",
      paths.python,
      pip(["download", "--no-deps", "--only-binary=:all:", ...target, ...platforms, "-d", wheels, ...pinned]),
      { remedy: "npm run setup" },
    );
    const extract = path.join(__dirname, "extract_wheel.py");
    await command("tensorflow", paths.python, [extract, gpu ? "whole" : "library", content, ...filesBelow(wheels)]);
    for (const name of source.libraries) {
      const library = path.join(gpu ? path.join(content, "tensorflow") : content, name);
      if (!fs.existsSync(library)) throw new SetupError(`the wheel contains no ${name}`);
    }
    fs.rmSync(final, { recursive: true, force: true });
    fs.renameSync(content, final);
    fs.rmSync(partial, { recursive: true, force: true });
    stamp(path.basename(final), print(gpu));
    return source.untested ? "untested on this platform" : undefined;
  },

  wheel,
  libraryFolder,
};
