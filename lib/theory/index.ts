export type { Assumption, Bound } from "./bound.js";
export {
  assertCertificate,
  certificate,
  type Certificate,
  type CertifiedSettings,
  describeCertificate,
} from "./certificate.js";
export { Divergence, initialDivergence } from "./divergence.js";
