import { escapeText } from "./figure.js";
import { pages } from "./style.js";

/** Of a monospaced letter, in pixels. */
const letter = { size: 12, width: 7.25, height: 17 };
const margin = 10;

/**
 * Aligned text, such as a table's, as a picture in SVG: the still of what is shown as HTML. Its first line is bold.
 *
 * It needs no browser and is the same bytes for the same text.
 */
export function textStill(text: string): string {
  const lines = text.split("\n");
  const width = Math.ceil(2 * margin + letter.width * Math.max(...lines.map((line) => line.length)));
  const height = 2 * margin + letter.height * lines.length;
  const { paper, ink } = pages.light;
  const row = (line: string, i: number): string =>
    `<text x="${margin}" y="${margin + letter.height * (i + 0.75)}"${i === 0 ? ' font-weight="bold"' : ""} xml:space="preserve">${escapeText(line)}</text>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="monospace" font-size="${letter.size}" fill="${ink}">` +
    `<rect width="100%" height="100%" fill="${paper}"/>${lines.map(row).join("")}</svg>`
  );
}
