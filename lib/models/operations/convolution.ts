import * as tf from "@tensorflow/tfjs";
import { type Operation, then } from "./operation.js";

const convolution = (kernelSize: number): Operation => ({
  name: `conv${kernelSize}`,
  apply: (value, { name, filters, stride }) =>
    then(
      value,
      tf.layers.conv2d({
        name,
        filters,
        kernelSize,
        strides: stride,
        padding: "same",
        useBias: false,
        kernelInitializer: "heNormal",
      }),
    ),
});

/** Convolutions of 1x1 to 9x9 with weights of their own. */
export const convolutions: readonly Operation[] = [1, 3, 5, 7, 9].map(convolution);
