import { TwotempError } from "../errors.js";

/**
 * Which unit stands at each position of a value: over the trailing axes `shape`, node `nodes[i]`. Usually the shape is
 * [channels]; a model input with gates of its own has a node for each element.
 */
export interface Labels {
  readonly shape: readonly number[];
  readonly nodes: Int32Array;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** Units of a model, and which of them must agree: a union-find structure over nodes. */
export class Units {
  private readonly parent: number[] = [];
  private readonly owner: number[] = [];
  private readonly closing: (string | undefined)[] = [];

  /** New units that `owner` (an index of the caller's) produces. */
  fresh(count: number, owner: number, closed?: string): Int32Array {
    const first = this.parent.length;
    for (let i = 0; i < count; i++) {
      this.parent.push(first + i);
      this.owner.push(owner);
      this.closing.push(closed);
    }
    return Int32Array.from({ length: count }, (_, i) => first + i);
  }

  get count(): number {
    return this.parent.length;
  }

  /** The unit that stands for all that agree with `node`: the lowest of them. */
  find(node: number): number {
    let root = node;
    while (this.parent[root] !== root) root = this.parent[root];
    while (this.parent[node] !== root) {
      const next = this.parent[node];
      this.parent[node] = root;
      node = next;
    }
    return root;
  }

  unite(a: number, b: number): void {
    const [low, high] = [this.find(a), this.find(b)].sort((x, y) => x - y);
    if (low === high) return;
    this.parent[high] = low;
    this.closing[low] ??= this.closing[high];
  }

  uniteAll(a: Int32Array, b: Int32Array): void {
    if (a.length !== b.length)
      throw new TwotempError("space/coupling", `cannot couple ${a.length} units with ${b.length}`);
    for (let i = 0; i < a.length; i++) this.unite(a[i], b[i]);
  }

  /** These units can't be removed, whatever their layers. The first reason counts, unless a later one `overrides` it. */
  close(nodes: Int32Array, reason: string, overrides: boolean = false): void {
    for (const node of nodes) {
      const root = this.find(node);
      if (overrides || this.closing[root] === undefined) this.closing[root] = reason;
    }
  }

  /** Why the unit can't be removed, if it can't. */
  reason(node: number): string | undefined {
    return this.closing[this.find(node)];
  }

  ownerOf(node: number): number {
    return this.owner[node];
  }
}
