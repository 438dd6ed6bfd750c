import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { BigNumber, MathJsInstance } from "mathjs";
import { gate, gateSlope, mirrorMap } from "../../lib/relaxation/index.js";
import { bestRate, bestStep, Divergence, eulerConstant } from "../../lib/theory/index.js";

let math: MathJsInstance;

/** 64-digit arithmetic. */
before(async () => {
  const { all, create } = await import("mathjs");
  math = create(all, { number: "BigNumber", precision: 64 });
});

const gateOf = (t: string): string => `(1 / (1 + exp(-x / ${t})))`;
const slopeOf = (t: string): string => `(${gateOf(t)} * (1 - ${gateOf(t)}) / ${t})`;
const mirror = "(2 * h * (x + h * sinh(x / h)))";

/** Points: x, c (cold), h (hot), u (a comparator's gate). */
const places = [
  { x: "0.3", c: "0.05", h: "1", u: "0.01" },
  { x: "-1.7", c: "0.2", h: "0.5", u: "0.99" },
  { x: "0.001", c: "0.4", h: "0.4", u: "0.5" },
  { x: "2.5", c: "0.3", h: "2", u: "0" },
];

type Place = Record<string, string>;

function evaluate(expression: string, place: Place): BigNumber {
  const scope = Object.fromEntries(Object.entries(place).map(([name, value]) => [name, math.bignumber!(value)]));
  return math.evaluate!(expression, scope) as BigNumber;
}

/** That two expressions are one function, to 55 digits. */
function assertSame(first: string, second: string, at: readonly Place[] = places): void {
  for (const place of at) {
    const [a, b] = [evaluate(first, place), evaluate(second, place)];
    assert.ok(a.minus(b).abs().lte(b.abs().times("1e-55").plus("1e-55")), `${first} is ${a}, ${second} is ${b}`);
  }
}

/** That the code has the value of an expression, to 13 digits. */
function assertCode(found: number, expression: string, place: Place): void {
  const wanted = Number(evaluate(expression, place).toString());
  assert.ok(Math.abs(found - wanted) <= 1e-13 * Math.abs(wanted), `${found} instead of ${wanted}`);
}

const derivative = (expression: string, by: string = "x"): string =>
  math.derivative!(expression, by, { simplify: false }).toString();

describe("closed forms, symbolically and in 64 digits", () => {
  test("the gate's derivative is s (1 - s) / t", () => {
    assertSame(derivative(gateOf("h")), slopeOf("h"));
    for (const place of places) {
      assertCode(gate(Number(place.x), Number(place.c)), gateOf("c"), place);
      assertCode(gateSlope(Number(place.x), Number(place.h)), slopeOf("h"), place);
    }
  });

  test("y' = 1 / s_th', and y is the code's", () => {
    assertSame(derivative(mirror), `1 / ${slopeOf("h")}`);
    assertSame(`4 h cosh(x / (2 h))^2`, `1 / ${slopeOf("h")}`);
    for (const place of places) assertCode(mirrorMap(Number(place.x), Number(place.h)), mirror, place);
  });

  test("phi'' = 1 / (s_tc' s_th'), at least 16 tc th", () => {
    // phi' is y as a function of the gate: by the chain rule its derivative is y' over the gate's slope.
    assertSame(`(${derivative(mirror)}) / (${derivative(gateOf("c"))})`, `1 / (${slopeOf("c")} * ${slopeOf("h")})`);
    for (const place of places) {
      const value = evaluate(`1 / (${slopeOf("c")} * ${slopeOf("h")}) - 16 c h`, place);
      assert.ok(value.gte(0));
    }
    assertSame(`1 / (${slopeOf("c")} * ${slopeOf("h")})`, "16 c h", [{ x: "0", c: "0.05", h: "1" }]);
  });

  test("the derivatives of V that the proof of euler uses", () => {
    const first = `(${gateOf("c")} - u) / ${slopeOf("h")}`;
    const second = `${slopeOf("c")} / ${slopeOf("h")} - (${gateOf("c")} - u) * (${derivative(slopeOf("h"))}) / ${slopeOf("h")}^2`;
    assertSame(derivative(first), second);
  });

  test("|s_th''| is at most 1 / (6 sqrt(3) th^2), reached at s = (1 +- 1 / sqrt(3)) / 2", () => {
    const curvature = derivative(slopeOf("h"));
    const peak = { x: "0", h: "0.7" };
    const at = evaluate("h log((1 - 1 / sqrt(3)) / (1 + 1 / sqrt(3)))", peak).toString();
    assertSame(`abs(${curvature})`, "1 / (6 sqrt(3) h^2)", [{ ...peak, x: at }]);
    for (const place of places) assert.ok(evaluate(`1 / (6 sqrt(3) h^2) - abs(${curvature})`, place).gte(0));
  });

  test("|d log s_th' / dx| is at most 1 / th", () => {
    for (const place of places) {
      assert.ok(evaluate(`1 / h - abs((${derivative(slopeOf("h"))}) / ${slopeOf("h")})`, place).gte(0));
    }
  });

  test("the euler constant is the stated one", () => {
    const place = { c: "0.05", h: "0.5", m: "0.02" };
    const k = "exp(m / (4 h^2))";
    assertCode(eulerConstant(0.05, 0.5, 0.02), `${k} / (16 c h) + ${k}^2 / (6 sqrt(3) h^2)`, place);
  });

  test("Newton's and Halley's steps of the tensor form: sinh z / (1 + cosh z) = tanh(z / 2)", () => {
    assertSame("sinh(x) / (1 + cosh(x))", "tanh(x / 2)");
    assertSame("1 / (1 + cosh(x))", "(1 - tanh(x / 2)^2) / 2");
    // Halley's step divides it by 1 - d f'' / (2 f'), with the slope f' = 1 + cosh 2p.
    assertSame(`(${derivative("1 + cosh(2 x)")}) / (2 (1 + cosh(2 x)))`, "tanh(x)");
  });

  test("the limit 4 ln 2: V0 / (tc th) tends to 4 times the integral of 1 / (1 + e^x)", () => {
    // The antiderivative x - log(1 + e^x) goes from -ln 2 at 0 to 0 at infinity.
    assertSame(derivative("x - log(1 + exp(x))"), "1 / (1 + exp(x))");
    assertSame("4 * (0 - (x - log(1 + exp(x))))", "4 log(2)", [{ x: "0" }]);
    assert.ok(evaluate("x - log(1 + exp(x))", { x: "140" }).abs().lt("1e-60"));
  });

  test("V0 is its series in 64 digits: sum of (-1)^(k+1) (2 / k + 2 k / (k^2 - r^2)), r = tc / th, in a large box", () => {
    for (const ratio of ["0.05", "0.2", "0.01"]) {
      const wanted = Number(series(ratio).toString());
      const cold = Number(ratio);
      const found = new Divergence(cold, 1, 12).between(0, 12) / cold;
      assert.ok(Math.abs(found - wanted) < 1e-11, `${found} instead of ${wanted}`);
    }
    const distance = series("0.00000001").minus(evaluate("4 log(2)", {})).abs();
    assert.ok(distance.lt("1e-15") && distance.gt("1e-17"));
  });

  test("the best step is where the derivative of the bound vanishes, and the rate its value there", () => {
    const bound = "v / x + x g t / (32 c h)";
    const place = { v: "0.8", g: "2", t: "300", c: "0.05", h: "0.5" };
    const best = evaluate("sqrt(32 c h v / (g t))", place).toString();
    assert.ok(
      evaluate(derivative(bound), { ...place, x: best })
        .abs()
        .lt("1e-55"),
    );
    assertSame(`(${bound}) / t`, "sqrt(g v / (8 c h t))", [{ ...place, x: best }]);
    const horizon = { cold: 0.05, hot: 0.5, divergence: 0.8, meanSquare: 2, steps: 300 };
    assertCode(bestStep(horizon), "sqrt(32 c h v / (g t))", place);
    assertCode(bestRate(horizon), "sqrt(g v / (8 c h t))", place);
  });
});

/** The alternating series by the acceleration of Cohen, Rodriguez Villegas and Zagier: 90 terms give 64 digits. */
function series(ratio: string): BigNumber {
  const n = 90;
  const big = (x: number | string): BigNumber => math.bignumber!(x);
  const r2 = big(ratio).pow(2);
  const root = big(3).plus(big(8).sqrt()).pow(n);
  const d = root.plus(big(1).div(root)).div(2);
  let b = big(-1);
  let c = d.neg();
  let sum = big(0);
  for (let k = 0; k < n; k++) {
    c = b.minus(c);
    const m = big(k + 1);
    sum = sum.plus(
      c.times(
        big(2)
          .div(m)
          .plus(m.times(2).div(m.pow(2).minus(r2))),
      ),
    );
    b = b.times(big((k + n) * (k - n))).div(big(k + 0.5).times(big(k + 1)));
  }
  return sum.div(d);
}
