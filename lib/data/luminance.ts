/** Brightness of a colour as Rec. 601 weighs it; exact for grey, rounded where it has to be a byte. */
export function luminance(rgb: ArrayLike<number>, at: number, isByte: boolean): number {
  const brightness = 0.299 * rgb[at] + 0.587 * rgb[at + 1] + 0.114 * rgb[at + 2];
  return isByte ? Math.round(brightness) : brightness;
}
