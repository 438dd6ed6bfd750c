import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { baselines } from "../../lib/baselines/index.js";
import { armStyle, palette } from "../../lib/plot/index.js";
import { pages, readable, template, type Theme } from "../../lib/plot/style.js";
import { made } from "./made.js";

type Triple = readonly [number, number, number];

const channels = (color: string): number[] => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

/** The colour of a scale at a place from 0 to 1, as Plotly mixes it. */
function mixed(scale: readonly (readonly [number, string])[], at: number): string {
  const i = Math.max(
    1,
    scale.findIndex(([place]) => place >= at),
  );
  const [[from, a], [to, b]] = [scale[i - 1], scale[i]];
  const part = (at - from) / (to - from);
  const mix = channels(a).map((value, c) => Math.round(value + part * (channels(b)[c] - value)));
  return `#${mix.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Linear light of `#rrggbb`. */
function light(color: string): Triple {
  const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
  return parts.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)) as unknown as Triple;
}

const apply = (matrix: readonly Triple[], [r, g, b]: Triple): Triple =>
  matrix.map((row) => Math.min(1, Math.max(0, row[0] * r + row[1] * g + row[2] * b))) as unknown as Triple;

/** WCAG's contrast of two colours. */
function contrast(a: string, b: string): number {
  const [x, y] = [a, b].map((color) => apply([[0.2126, 0.7152, 0.0722]], light(color))[0] + 0.05);
  return Math.max(x, y) / Math.min(x, y);
}

/** CIE 1976 L*a*b* under D65. */
function lab(linear: Triple): Triple {
  const xyz: readonly Triple[] = [
    [0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505],
    [0.2126, 0.7152, 0.0722],
    [0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089],
  ];
  const [x, y, z] = apply(xyz, linear).map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** What eyes see: Machado, Oliveira and Fernandes, 2009, severity 1. */
const eyes: Readonly<Record<string, readonly Triple[]>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  "red-blind": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "green-blind": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

/** The colours of all fonts in a part of a figure. */
function textColors(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => {
    const { color } = (/font$/i.test(key) ? value : {}) as { color?: string | string[] };
    return [...(color === undefined ? [] : [color].flat()), ...textColors(value)];
  });
}

describe("style", () => {
  const colors = Object.entries(palette);

  test("every colour stands out from light and dark paper", () => {
    for (const theme of ["light", "dark"] as Theme[]) {
      const { paper_bgcolor: paper } = template(theme).layout as { paper_bgcolor: string };
      for (const [name, color] of colors) {
        assert.ok(contrast(color, paper) >= 3, `${name} on ${theme}: ${contrast(color, paper)}`);
      }
    }
  });

  for (const [name, matrix] of Object.entries(eyes)) {
    test(`${name} eyes tell the colours apart`, () => {
      const seen = colors.map(([, color]) => lab(apply(matrix, light(color))));
      for (let i = 0; i < seen.length; i++) {
        for (let j = 0; j < i; j++) {
          const distance = Math.hypot(...seen[i].map((value, k) => value - seen[j][k]));
          assert.ok(distance >= 25, `${colors[i][0]} and ${colors[j][0]}: ${distance}`);
        }
      }
    });
  }

  test("text is read easily on both papers", () => {
    for (const theme of ["light", "dark"] as Theme[]) {
      const { layout } = template(theme) as { layout: { paper_bgcolor: string; font: { color: string } } };
      assert.ok(contrast(layout.font.color, layout.paper_bgcolor) >= 7);
      const text = textColors(template(theme));
      assert.ok(text.length > 3);
      for (const color of text) assert.ok(contrast(color, layout.paper_bgcolor) >= 4.5, `${color} on ${theme}`);
    }
  });

  test("numbers in the cells of a heatmap are read easily on the part of the scales that they get", () => {
    for (const { scale, diverging } of Object.values(pages)) {
      const part = Array.from({ length: 41 }, (_, i) => (readable * i) / 40);
      const cells = [
        ...part.map((at) => mixed(scale, at)),
        ...part.flatMap((at) => [mixed(diverging, 0.5 - at / 2), mixed(diverging, 0.5 + at / 2)]),
      ];
      for (const cell of cells) {
        // Plotly's rule for text on a colour.
        const [r, g, b] = channels(cell);
        const text = (299 * r + 587 * g + 114 * b) / 1000 < 128 ? "#ffffff" : "#444444";
        assert.ok(contrast(text, cell) >= 4.5, `${text} on ${cell}: ${contrast(text, cell)}`);
      }
    }
  });

  test("no figure gives its text a colour of its own, which one of the papers might swallow", async () => {
    for (const [name, make] of Object.entries(made)) {
      const { data, layout, frames } = await make();
      const own = { ...layout, template: undefined };
      assert.deepEqual(textColors([data, own, frames]), [], name);
    }
  });

  test("every control has a look of its own; an unknown arm has one, always the same", () => {
    const looks = ["learned", ...Object.keys(baselines)].map((arm) => {
      const { color, symbol } = armStyle(arm);
      return `${color} ${symbol}`;
    });
    assert.equal(new Set(looks).size, looks.length);
    for (const look of looks) assert.doesNotMatch(look, /hexagon|pentagon|hexagram|hourglass|bowtie|octagon|down/);
    assert.deepEqual(armStyle("someone's own"), armStyle("someone's own"));
    assert.notEqual(armStyle("someone's own").color, armStyle("learned").color);
  });
});
