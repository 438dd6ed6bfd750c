export { adaptiveBounds, type AdaptivePath } from "./adaptivePath.js";
export { approximationBound, approximationError, classicalRate, largestSlopeGap } from "./approximation.js";
export type { Assumption, Bound } from "./bound.js";
export {
  assertCertificate,
  certificate,
  Certificate,
  type CertifiedSettings,
  describeCertificate,
  eulerConstant,
} from "./certificate.js";
export { type CertificateRow, certificateRows, type CertifiedSearch } from "./certificateRows.js";
export { bestRate, bestStep, convexRate, type Horizon } from "./convex.js";
export { descent, descentRate, type DescentRun, stationarity } from "./descent.js";
export { discretisationGap, type DiscretisationGap, type Rounding } from "./discretisation.js";
export { Divergence, initialDivergence } from "./divergence.js";
export { labelDependence, sameLaw, type SymmetricGroup } from "./symmetries.js";
export { worstCase, type WorstCase } from "./worstCase.js";
export * from "./testbed/index.js";
