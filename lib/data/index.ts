export { catalogue, dataset, type CatalogueEntry } from "./catalogue.js";
export {
  Dataset,
  type DataFile,
  type DatasetParts,
  type Examples,
  type Picture,
  type Provenance,
  type Split,
} from "./dataset.js";
export type { Episode, EpisodeOptions } from "./fewshot.js";
export { dataFolders } from "./folders.js";
export { readIdx, type IdxFiles, type IdxOptions } from "./idx.js";
