import { z } from "zod";

/** Seeds as a list, or as how many from 0. */
export const seedList: z.ZodType<number[], number | number[]> = z
  .union([z.number().int().min(1).max(10_000), z.array(z.number().int()).min(1).max(10_000)])
  .transform((given) => (typeof given === "number" ? Array.from({ length: given }, (_, i) => i) : given));

/** A word that tables and file names can hold. */
export const word: z.ZodType<string> = z
  .string()
  .regex(/^[\w.:,+-]{1,60}$/, "expected letters, digits and . : , + - _");

/** A list whose items have names of their own, by which tables tell them apart. */
export function named<T extends z.ZodType<{ readonly name: string }>>(item: T): z.ZodArray<T> {
  return some(item).refine((items) => new Set(items.map(({ name }) => name)).size === items.length, {
    message: "expected each name once",
  });
}

/** A list with something in it, and not without end. */
export function some<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item).min(1).max(10_000);
}
