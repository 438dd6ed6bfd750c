import { type Certificate, type CertifiedSettings, describeCertificate } from "./certificate.js";

/** What {@link certificateRows} reads of a search. */
export interface CertifiedSearch {
  readonly settings: Pick<CertifiedSettings, "update">;
  readonly trace: { readonly entries: readonly { readonly loss: number }[] };
  certificate(): Certificate;
}

/** A search's certificate as a row of a table; null where no theorem covers the search. */
export interface CertificateRow {
  readonly update: string;
  readonly loss: number;
  /** At the final architecture, with its bound. */
  readonly regret: number | null;
  readonly bound: number | null;
  /** Regret over bound: at the final architecture, at the worst one, and from below. */
  readonly ratio: number | null;
  readonly ratioAtWorst: number | null;
  readonly ratioFromBelow: number | null;
  /** Whether all of it holds, or why nothing is promised. */
  readonly holds: string;
}

/**
 * Certificates of several searches side by side.
 *
 * @returns a row a search
 * @example
 * ```ts
 * await tt.show(tt.certificateRows(searches));
 * ```
 */
export function certificateRows(searches: readonly CertifiedSearch[]): CertificateRow[] {
  return searches.map((search) => {
    const certificate = search.certificate();
    const { atFinal, atWorst, fromBelow, holds } = certificate;
    return {
      update: search.settings.update,
      loss: search.trace.entries.at(-1)!.loss,
      regret: atFinal.left ?? null,
      bound: atFinal.right ?? null,
      ratio: atFinal.ratio ?? null,
      ratioAtWorst: atWorst.ratio ?? null,
      ratioFromBelow: fromBelow?.ratio ?? null,
      holds: holds === undefined ? describeCertificate(certificate) : String(holds),
    };
  });
}
