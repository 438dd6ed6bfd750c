import { createHash } from "node:crypto";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { TwotempError } from "../errors.js";

/** Where a draw lives: the seed, its purpose, and as many indices as it needs. */
export type Address = readonly (string | number)[];

/**
 * A keyed stream of random numbers: the same address gives the same numbers, whatever was drawn before.
 *
 * The 128-bit state of a xoroshiro128+ generator (pure-rand) is the head of the SHA-256 hash of the address, so draws
 * are independent of order, a resumed run repeats them, and seed 0 is a seed like any other.
 *
 * @param address - for example `(seed, "weights", step, layer)`
 * @throws TwotempError `engine/seed` if a number of the address isn't finite
 * @example
 * ```ts
 * new Random(0, "batch", 17).permutation(60_000);
 * ```
 */
export class Random {
  private readonly generator: RandomGenerator;
  /** The second of a pair, NaN if it has been used: always a number, which is faster than one that may be missing. */
  private spare = NaN;

  constructor(...address: Address) {
    for (const part of address) {
      if (typeof part === "number" && !Number.isFinite(part)) {
        throw new TwotempError("engine/seed", `a random address needs finite numbers, got ${JSON.stringify(address)}`);
      }
    }
    const hash = createHash("sha256").update(JSON.stringify(address)).digest();
    this.generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => hash.readInt32LE(at)));
  }

  /** A uniform number in [0, 1), a multiple of 2^-32. */
  uniform(): number {
    return (this.generator.next() >>> 0) / 4294967296;
  }

  /** A uniform whole number in [0, `bound`), for bounds up to 2^32; without bias. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 4294967296) {
      throw new TwotempError("engine/bound", `integer(bound) needs a whole bound from 1 to 2^32, got ${bound}`);
    }
    const limit = 4294967296 - (4294967296 % bound);
    for (;;) {
      const draw = this.generator.next() >>> 0;
      if (draw < limit) return draw % bound;
    }
  }

  /** A standard normal number (Box and Muller; both of a pair are used). */
  normal(): number {
    const { spare } = this;
    if (!Number.isNaN(spare)) {
      this.spare = NaN;
      return spare;
    }
    // 1 - u is in (0, 1], so that the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** `size` standard normal numbers times `deviation`. */
  normals(size: number, deviation: number = 1): Float32Array {
    const out = new Float32Array(size);
    for (let i = 0; i < size; i++) out[i] = deviation * this.normal();
    return out;
  }

  /** `size` uniform numbers in [`low`, `high`). */
  uniforms(size: number, low: number = 0, high: number = 1): Float32Array {
    const out = new Float32Array(size);
    for (let i = 0; i < size; i++) out[i] = low + (high - low) * this.uniform();
    return out;
  }

  /** The first `take` entries of a random permutation of 0..`size`-1 (Fisher and Yates). */
  permutation(size: number, take: number = size): Int32Array {
    if (take > size) throw new TwotempError("engine/permutation", `cannot take ${take} of ${size} without repetition`);
    const order = Int32Array.from({ length: size }, (_, i) => i);
    for (let i = 0; i < take; i++) {
      const j = i + this.integer(size - i);
      const held = order[i];
      order[i] = order[j];
      order[j] = held;
    }
    return order.subarray(0, take);
  }
}
