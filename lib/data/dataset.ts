/** Examples of one split: `inputs` holds `count` rows of raw values, row-major, each of the data set's input shape. */
export interface Examples {
  readonly inputs: Uint8Array | Float32Array;
  /** One class index a row, from 0. */
  readonly labels: Int32Array;
  readonly count: number;
}
