import { createHash } from "node:crypto";
import type { Attribute, Binding } from "./native.js";

/** The classes of TensorFlow's messages that ship with the native package, as far as they are used here. */
interface Messages {
  readonly GraphDef: new () => {
    setNodeList(nodes: unknown[]): void;
    setVersions(versions: unknown): void;
    serializeBinary(): Uint8Array;
  };
  readonly VersionDef: new () => { setProducer(version: number): void };
  readonly NodeDef: new () => Node;
  readonly AttrValue: (new () => Value) & { readonly ListValue: new () => List };
  readonly Tensor: new () => {
    setDtype(dtype: number): void;
    setTensorShape(shape: unknown): void;
    setTensorContent(bytes: Uint8Array): void;
  };
  readonly TensorShape: (new () => { setDimList(dims: unknown[]): void }) & {
    readonly Dim: new () => { setSize(size: number): void };
  };
}

interface Node {
  setName(name: string): void;
  setOp(op: string): void;
  setInputList(inputs: readonly string[]): void;
  getAttrMap(): { set(name: string, value: Value): void };
}

interface Value {
  setS(bytes: Uint8Array): void;
  setI(value: number): void;
  setF(value: number): void;
  setB(value: boolean): void;
  setType(value: number): void;
  setShape(value: unknown): void;
  setTensor(value: unknown): void;
  setList(value: List): void;
}

interface List {
  setIList(values: readonly number[]): void;
  setFList(values: readonly number[]): void;
  setBList(values: readonly boolean[]): void;
}

/** The version of TensorFlow's graphs whose rules apply: that of 2.9, for which TensorFlow.js's kernels were written. */
const producer = 1087;

/** A graph of TensorFlow's ops, written as it grows. A place in it is `node:output`. */
export class Graph {
  private readonly nodes: Node[] = [];
  private readonly messages: Messages;

  constructor(private readonly binding: Binding) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- generated code without types, loaded only natively
    const { AttrValue, ...rest } = require("@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js") as Messages;
    this.messages = { AttrValue, ...rest };
  }

  /** Adds an op; `inputs` are places, or `^node` for what has to run before. */
  add(op: string, attributes: readonly Attribute[], inputs: readonly string[]): string {
    const name = `n${this.nodes.length}`;
    const node = new this.messages.NodeDef();
    node.setName(name);
    node.setOp(op);
    node.setInputList(inputs);
    for (const attribute of attributes) node.getAttrMap().set(attribute.name, this.value(attribute));
    this.nodes.push(node);
    return name;
  }

  /** Adds a value given from outside. */
  input(dtype: number, shape: readonly number[]): string {
    const { TF_ATTR_TYPE, TF_ATTR_SHAPE } = this.binding;
    const attributes = [
      { name: "dtype", type: TF_ATTR_TYPE, value: dtype },
      { name: "shape", type: TF_ATTR_SHAPE, value: shape },
    ];
    return `${this.add("Placeholder", attributes, [])}:0`;
  }

  /** Adds a constant. */
  constant(dtype: number, shape: readonly number[], values: ArrayBufferView): string {
    const tensor = new this.messages.Tensor();
    tensor.setDtype(dtype);
    tensor.setTensorShape(this.shape(shape));
    tensor.setTensorContent(new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice());
    const value = new this.messages.AttrValue();
    value.setTensor(tensor);
    const name = this.add("Const", [{ name: "dtype", type: this.binding.TF_ATTR_TYPE, value: dtype }], []);
    this.nodes.at(-1)!.getAttrMap().set("value", value);
    return `${name}:0`;
  }

  /** Ends the graph; the places in `inputs` and `outputs` are what it takes and gives as a function. */
  finish(inputs: readonly string[], outputs: readonly string[]): FinishedGraph {
    const { GraphDef, VersionDef } = this.messages;
    const graph = new GraphDef();
    graph.setNodeList(this.nodes);
    const versions = new VersionDef();
    versions.setProducer(producer);
    graph.setVersions(versions);
    const bytes = Buffer.from(graph.serializeBinary());
    const hash = createHash("sha256")
      .update(bytes)
      .update(JSON.stringify([inputs, outputs]));
    const name = `twotemp_${hash.digest("hex").slice(0, 32)}`;
    return {
      name,
      define: () => {
        if (!defined.has(name)) this.binding.addFunction(name, bytes, inputs, outputs);
        defined.add(name);
        return name;
      },
    };
  }

  private shape(extents: readonly number[]): unknown {
    const { TensorShape } = this.messages;
    const shape = new TensorShape();
    shape.setDimList(
      extents.map((extent) => {
        const dim = new TensorShape.Dim();
        dim.setSize(extent);
        return dim;
      }),
    );
    return shape;
  }

  private value({ type, value }: Attribute): Value {
    const { binding } = this;
    const { AttrValue } = this.messages;
    const made = new AttrValue();
    if (Array.isArray(value) && type !== binding.TF_ATTR_SHAPE) {
      const list = new AttrValue.ListValue();
      if (type === binding.TF_ATTR_INT) list.setIList(value);
      else if (type === binding.TF_ATTR_FLOAT) list.setFList(value);
      else if (type === binding.TF_ATTR_BOOL) list.setBList(value);
      else throw new Error(`a list of type ${type} isn't known`);
      made.setList(list);
    } else if (type === binding.TF_ATTR_STRING) made.setS(Buffer.from(value as string));
    else if (type === binding.TF_ATTR_INT) made.setI(value as number);
    else if (type === binding.TF_ATTR_FLOAT) made.setF(value as number);
    else if (type === binding.TF_ATTR_BOOL) made.setB(value as boolean);
    else if (type === binding.TF_ATTR_TYPE) made.setType(value as number);
    else if (type === binding.TF_ATTR_SHAPE) made.setShape(this.shape(value as number[]));
    else throw new Error(`an attribute of type ${type} isn't known`);
    return made;
  }
}

/** A graph that is complete. */
export interface FinishedGraph {
  /** Follows from all that is in the graph: equal graphs have equal names. */
  readonly name: string;
  /** Makes it a function of TensorFlow's, unless it is one already, to be executed as an op of the name returned. */
  define(): string;
}

/** Names of the functions that TensorFlow has. */
const defined = new Set<string>();
