import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../../errors.js";
import { type Operation, then } from "./operation.js";

/** A 3x3 convolution of each channel by itself. */
export const depthwise: Operation = {
  name: "depthwise3",
  apply(value, { name, filters, stride }) {
    const channels = value.shape.at(-1)!;
    if (filters % channels !== 0) {
      throw new TwotempError(
        "models/operation",
        `depthwise3 makes a multiple of the ${channels} channels it reads, asked for ${filters}`,
      );
    }
    return then(
      value,
      tf.layers.depthwiseConv2d({
        name,
        kernelSize: 3,
        strides: stride,
        padding: "same",
        depthMultiplier: filters / channels,
        useBias: false,
        // Each output channel reads 9 weights; Keras would count the channels as well.
        depthwiseInitializer: tf.initializers.randomNormal({ stddev: Math.sqrt(2 / 9) }),
      }),
    );
  },
};
