export { catalogue, type CatalogueEntry, type CatalogueSource } from "./catalogue.js";
export {
  Dataset,
  type DataFile,
  type DatasetParts,
  type Examples,
  type Picture,
  type Provenance as DataProvenance,
  type Split,
} from "./dataset.js";
export type { Episode, EpisodeOptions } from "./fewshot.js";
export { dataFolders } from "./folders.js";
export { readIdx, type IdxFiles, type IdxOptions } from "./idx.js";
export { readCifar, type CifarFiles, type CifarOptions } from "./cifar.js";
export { fromDataFrame, readCsv, type CsvOptions, type FrameLike, type TableOptions } from "./csv.js";
export { readImages, type ImageFolderOptions } from "./images.js";
export type { HoldOutOptions } from "./labelled.js";
export { readParquet, type ParquetFiles, type ParquetOptions } from "./parquet.js";
export type { PictureOptions } from "./pictures.js";
export { openData, type OpenOptions } from "./open.js";
export { type ExampleData, tellingSensors, writeExampleData } from "./exampleData.js";
export { dataset } from "./load.js";
