/** `value` to `digits` significant digits: figures stay small and the same on every engine that agrees that far. */
export function round(value: number, digits: number = 5): number {
  return Number.isFinite(value) ? Number(value.toPrecision(digits)) + 0 : value;
}

/** A fraction as a percentage, `0.1234` as `12.3 %`. */
export function percent(fraction: number): string {
  const value = 100 * fraction;
  return `${Math.abs(value) >= 10 || Number.isInteger(value) ? Number(value.toFixed(1)) : round(value, 2)} %`;
}

/** A whole number with thin groups of thousands, `1234567` as `1,234,567`. */
export function whole(value: number): string {
  return value.toLocaleString("en-US");
}

/** Seconds as people say them: `8 s`, `2 min 5 s`, `1 h 12 min`. */
export function duration(seconds: number): string {
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
}

/** Indices of at most `limit` of `count` records, evenly spread, with the first and the last. */
export function decimate(count: number, limit: number): number[] {
  if (count <= limit) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: limit }, (_, i) => Math.round((i * (count - 1)) / (limit - 1)));
}

/** The mean of each value and its neighbours, `width` values in all, fewer at the ends. */
export function runningMean(values: readonly number[], width: number): number[] {
  const half = Math.floor(width / 2);
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return values.map((_, i) => {
    const from = Math.max(0, i - half);
    const to = Math.min(values.length, i + half + 1);
    return (sums[to] - sums[from]) / (to - from);
  });
}

/** Ticks of a logarithmic axis at the powers of ten between two values, written out: `0.01`, `1,000`. */
export function decades(low: number, high: number): { readonly tickvals: number[]; readonly ticktext: string[] } {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const tickvals = Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => Number(`1e${first + k}`));
  return { tickvals, ticktext: tickvals.map((value) => value.toLocaleString("en-US", { maximumFractionDigits: 12 })) };
}
