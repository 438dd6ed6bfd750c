import { TwotempError } from "../errors.js";

/** What a baseline throws when it finds out late that it means nothing here; a comparison goes on without it. */
export function refusal(reason: string): TwotempError {
  return new TwotempError("baselines/refused", reason);
}

/** The reason of a `refusal` or of a budget that can't be kept, or undefined for any other error. */
export function reasonOf(error: unknown): string | undefined {
  const codes = ["baselines/refused", "space/budget"];
  return error instanceof TwotempError && codes.includes(error.code) ? error.message : undefined;
}
