/** A cell of a table; nothing where there is no value. */
export type Cell = string | number | boolean | null | undefined;

/** Of Papa Parse, which ships without types, what is used here. */
interface Papa {
  unparse(
    table: { fields: readonly string[]; data: readonly (readonly Cell[])[] },
    config: { newline: string },
  ): string;
}

/** Rows as comma-separated values (RFC 4180) under a header, numbers with every digit that they have. */
export function csvText(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- has no types
  const papa = require("papaparse") as Papa;
  return `${papa.unparse({ fields: columns, data: rows }, { newline: "\n" })}\n`;
}

/** Rows of text as aligned columns. */
export function alignedText(
  rows: readonly (readonly string[])[],
  toTheRight: (row: number, column: number) => boolean = () => false,
): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[], r: number): string =>
    row
      .map((cell, column) => (toTheRight(r, column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}
