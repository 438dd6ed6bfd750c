import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { TestContext } from "node:test";
import { freePort, needs } from "../support.js";

/** Options of a test that needs a Redis. */
export const withRedis: { skip: string | false } = needs(
  "redis-server",
  spawnSync("redis-server", ["--version"]).status === 0,
  "apt-get install redis-server",
);

/** A Redis of this test on a free port of this machine; it keeps what it holds in `folder` when it is killed. */
export class TestRedis {
  private server: ChildProcess | undefined;
  private gone: Promise<unknown> | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly password: string | undefined,
    private readonly certificate: { key: string; certificate: string } | undefined,
  ) {}

  static async start(
    context: Pick<TestContext, "after">,
    folder: string,
    options: { password?: string; certificate?: { key: string; certificate: string } } = {},
  ): Promise<TestRedis> {
    const redis = new TestRedis(await freePort(), folder, options.password, options.certificate);
    context.after(() => redis.kill());
    await redis.start();
    return redis;
  }

  get url(): string {
    return `${this.certificate ? "rediss" : "redis"}://${this.password ? `:${this.password}@` : ""}127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const options = [
      "--port",
      this.port,
      "--bind",
      "127.0.0.1",
      "--dir",
      this.folder,
      "--appendonly",
      "yes",
      "--save",
      "",
    ];
    if (this.certificate) {
      const { key, certificate } = this.certificate;
      const tls = ["--tls-port", this.port, "--tls-cert-file", certificate, "--tls-key-file", key];
      options.splice(0, 2, "--port", 0, ...tls, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no");
    }
    if (this.password) options.push("--requirepass", this.password);
    this.server = spawn("redis-server", options.map(String), { stdio: "ignore" });
    this.gone = once(this.server, "exit");
    for (let tries = 0; tries < 200; tries++) {
      const socket = connect(this.port, "127.0.0.1");
      const open = await Promise.race([
        once(socket, "connect").then(
          () => true,
          () => false,
        ),
        delay(200, false),
      ]);
      socket.destroy();
      if (open) return;
      await delay(25);
    }
    throw new Error("redis-server didn't start");
  }

  /** Kills it without a chance to save. */
  async kill(): Promise<void> {
    this.server?.kill("SIGKILL");
    await this.gone;
  }
}
