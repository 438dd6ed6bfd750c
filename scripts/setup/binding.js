const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { command, runs, systemInstall } = require("./command.js");
const { SetupError } = require("./errors.js");
const { filesBelow, fingerprint, isStamped, stamp } = require("./stamp.js");
const { libraryFolder, wheel } = require("./tensorflow.js");

const home = path.join(paths.modules, "@tensorflow", "tfjs-node-gpu");
const binding = path.join(home, "lib", "napi-v8", "tfjs_binding.node");
const sources = path.join(home, "binding");
const own = path.join(paths.root, "lib", "engine", "binding");

/** @param {boolean} gpu */
function print(gpu) {
  const files = [sources, own, __filename, path.join(__dirname, gpu ? "tensorflow-gpu.txt" : "tensorflow.txt")];
  return fingerprint({ files, text: [process.platform, process.arch, String(gpu)] });
}

/** TensorFlow.js's native binding with functions and kernels of our own, compiled against the C library of the wheel. */
module.exports = {
  name: "binding",
  title: "native engine",
  needs: ["packages", "tensorflow"],
  without: "everything on WebAssembly, about ten times slower",

  /** @param {import("./choices.js").Choices} choices */
  isDone: ({ gpu }) => fs.existsSync(binding) && isStamped("binding", print(gpu)),

  /** @param {import("./choices.js").Choices} choices */
  async run({ gpu }) {
    const library = libraryFolder(gpu);
    const wanted = process.env.CXX ? [process.env.CXX] : ["g++", "clang++", "c++"];
    const compiler = wanted.find((program) => runs(program, ["--version"]));
    if (!compiler) {
      const remedy = systemInstall({ apt: "g++", dnf: "gcc-c++", mac: "xcode-select --install" });
      throw new SetupError(`no C++ compiler (tried ${wanted.join(", ")})`, remedy);
    }
    const mac = process.platform === "darwin";
    // Relative to the binding itself, so that the repository can move.
    const runtimePath = path.relative(path.dirname(binding), library);
    const partial = `${binding}.partial`;
    fs.mkdirSync(path.dirname(binding), { recursive: true });
    // The functions' file takes in that of the exports.
    const code = filesBelow(sources).filter((file) => file.endsWith(".cc") && !file.endsWith("tfjs_binding.cc"));
    const libraries = /** @type {NonNullable<ReturnType<typeof wheel>>} */ (wheel(gpu)).libraries;
    await command("binding", compiler, [
      ...["-std=c++2a", "-O3", "-DNDEBUG", "-fPIC", "-shared", "-DNAPI_VERSION=8"],
      // Loops with roots and conditions become vectors: nothing here asks for errno or for exceptions of arithmetic.
      ...["-fno-math-errno", "-fno-trapping-math"],
      // What TensorFlow has too is each library's own.
      "-fvisibility=hidden",
      ...[
        "-I",
        path.join(paths.modules, "node-api-headers", "include"),
        "-I",
        path.join(library, "include"),
        "-I",
        sources,
      ],
      ...[
        ...code,
        ...filesBelow(own).filter((file) => file.endsWith(".cc")),
        "-o",
        partial,
        ...libraries.map((name) => path.join(library, name)),
      ],
      `-Wl,-rpath,${mac ? "@loader_path" : "$ORIGIN"}/${runtimePath}`,
      ...(mac ? ["-undefined", "dynamic_lookup"] : []),
    ]);
    fs.renameSync(partial, binding);
    const load = "require('@tensorflow/tfjs-node-gpu'); console.log('loaded')";
    await command("binding", process.execPath, ["-e", load], {
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" },
      remedy: "npm run setup -- --engine wasm",
    });
    stamp("binding", print(gpu));
    return gpu ? "for CUDA, untested on a GPU" : undefined;
  },
};
