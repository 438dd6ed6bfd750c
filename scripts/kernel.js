#!/usr/bin/env node
/** The Jupyter kernel "TypeScript (twotemp)": the project's tslab without TensorFlow's log lines. */
const path = require("node:path");
const { root, modules } = require("./setup/paths.js");

process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";

// tslab answers messages as soon as one socket is bound; a reply on one that isn't yet would be an error on stderr.
const { ZmqServer } = require(path.join(modules, "tslab", "dist", "jupyter.js"));
const { init, handleShellMessage, bindSocket } = ZmqServer.prototype;
/** @type {Promise<void>} */
let bound;
ZmqServer.prototype.init = function () {
  bound = init.call(this);
  return bound;
};
ZmqServer.prototype.handleShellMessage = async function (/** @type {unknown[]} */ ...given) {
  await bound;
  return handleShellMessage.apply(this, given);
};

// After 512 messages without a pause, sends wait for the event loop, and tslab's next one is an error that ends the kernel: a
// cell that prints a thousand lines was enough. With a time limit of 0 every send goes out at once; without a mark none is lost.
ZmqServer.prototype.bindSocket = function (
  /** @type {{ sendTimeout: number, sendHighWaterMark: number }} */ socket,
  /** @type {number} */ port,
) {
  socket.sendTimeout = 0;
  socket.sendHighWaterMark = 0;
  const binding = bindSocket.call(this, socket, port);
  bindings.set(socket, binding);
  const bound = () => void bindings.delete(socket);
  binding.then(bound, bound);
  return binding;
};

// A client's message may be here before ZeroMQ has said that the socket is bound; tslab asks for the next one then, which is an
// error until it has, after which tslab listens no more.
/** @type {WeakMap<object, Promise<void>>} */
const bindings = new WeakMap();
const { Router, Reply } = require(require.resolve("zeromq", { paths: [path.join(modules, "tslab")] }));
for (const { prototype } of [Router, Reply]) {
  const { receive } = prototype;
  Object.defineProperty(prototype, "receive", {
    /** @this {{ closed: boolean }} */
    value() {
      const next = () => receive.call(this);
      const later = () => {
        // What ZeroMQ rejects those with who wait for a message when a socket is closed; they end quietly then.
        if (this.closed) throw Object.assign(new Error("the socket was closed"), { code: "EAGAIN" });
        return next();
      };
      // The first time tslab asks before it binds; once it has, asking is ZeroMQ's own, lest the socket is closed in between.
      return bindings.get(this)?.then(later) ?? next();
    },
  });
}

// tslab's compiler watches the files that it has read, and may print an error a change when a library is built again or installed
// under a running kernel. Its code is loaded already; only a notebook's own modules can change.
const { sys } = require(path.join(modules, "@tslab", "typescript-for-tslab"));
const { watchFile, watchDirectory } = sys;
const watched = (/** @type {string} */ place) =>
  ![modules, path.join(root, "dist")].some((folder) => place.startsWith(folder));
sys.watchFile = (/** @type {string} */ file, /** @type {unknown[]} */ ...given) =>
  watched(file) ? watchFile.call(sys, file, ...given) : { close() {} };
sys.watchDirectory = (/** @type {string} */ folder, /** @type {unknown[]} */ ...given) =>
  watched(folder) ? watchDirectory.call(sys, folder, ...given) : { close() {} };

require(path.join(modules, "tslab", "dist", "main.js")).main();
