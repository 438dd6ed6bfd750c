/**
 * Loaded into a kernel before its own code: ZeroMQ says a second late that a socket is bound, while clients reach it already,
 * and refuses until then to be asked for messages, as it does whenever the machine is slow enough.
 */
import { setTimeout as delay } from "node:timers/promises";

interface Sockets {
  readonly prototype: { bind(address: string): Promise<void>; receive(): Promise<unknown> };
}

// A dependency of tslab's, without types of its own here.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { Router, Reply } = require("zeromq") as { Router: Sockets; Reply: Sockets };

const late = new Set<object>();
for (const { prototype } of [Router, Reply]) {
  const { bind, receive } = prototype;
  const replace = (name: string, value: (this: object, address: string) => Promise<unknown>): void =>
    void Object.defineProperty(prototype, name, { value, configurable: true });
  replace("bind", async function (address) {
    late.add(this);
    await bind.call(this as never, address);
    await delay(1000);
    late.delete(this);
  });
  replace("receive", function () {
    if (late.has(this)) return Promise.reject(new Error("Socket is blocked by a bind or unbind operation"));
    return receive.call(this as never);
  });
}
