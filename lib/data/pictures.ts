import { TwotempError } from "../errors.js";
import { decodePicture } from "./decoder.js";
import { luminance } from "./luminance.js";
import { sidesOf } from "./resize.js";

/** How pictures become examples. */
export interface PictureOptions {
  /** `[height, width]`, or one number for both: pictures are resized to it (their aspect isn't kept). Default: as they are. */
  readonly size?: number | readonly [number, number];
  /** 1: grey (colours become luminance), 3: colour. Default: 1 if all pictures are grey, 3 if all are coloured. */
  readonly channels?: 1 | 3;
  /** What shows through transparent pixels: 0 (black) to 255 (white). Default: such pictures are refused. */
  readonly background?: number;
}

/** Pictures of one size, with channels last. */
export interface PictureBatch {
  readonly inputShape: readonly [number, number, number];
  readonly inputs: Uint8Array;
}

/** Above this a picture isn't decoded: 4096 x 4096, the largest that pictures are resized to. */
const largestPixelCount = 1 << 24;
/** Any file may hold so many, which are decoded in a third of a second. */
const freePixelCount = 1 << 20;
/** A larger picture's file has a byte for so many; photographs have four times as many bytes or more. */
const pixelsPerFileByte = 32;
/** What a picture's header states, and how many pixels a byte of its format holds at most. */
interface PictureHeader {
  readonly width: number;
  readonly height: number;
  readonly pixelsPerByte: number;
}

/** Deflate packs at most 1032 bytes into one, of 8 pixels each. */
const pngPixelsPerByte = 1032 * 8;
/** A block of 8 x 8 pixels takes at least a bit. */
const jpegPixelsPerByte = 64 * 8;
/** Two bytes repeat a pixel up to 255 times. */
const bmpPixelsPerByte = 128;

/**
 * Collects encoded pictures into one block of pixels.
 *
 * A picture's header is read before it is decoded, and one that promises more than its file can hold is refused.
 */
export class PictureCollector {
  private readonly pixels: Uint8Array[] = [];
  private readonly first: Partial<Record<"picture" | "grey" | "coloured", string>> = {};
  private height = 0;
  private width = 0;
  /** `[height, width]` that pictures are resized to, if any. */
  private readonly sides: readonly number[] = [];

  constructor(private readonly options: PictureOptions) {
    const { channels, background, size } = options;
    if (size !== undefined) this.sides = sidesOf(size);
    if (channels !== undefined && channels !== 1 && channels !== 3) {
      throw new TwotempError("data/channels", `channels must be 1 (grey) or 3 (colour), got ${String(channels)}`);
    }
    if (background !== undefined && !(background >= 0 && background <= 255)) {
      throw new TwotempError("data/background", `background must be from 0 to 255, got ${background}`);
    }
  }

  /** Decodes one picture; `where` names it in errors. */
  async add(where: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const found = pictureHeader(bytes);
    if (!found) {
      throw new TwotempError("data/picture", `${where}, byte 0: expected a PNG, JPEG or BMP picture`);
    }
    const pixelCount = found.width * found.height;
    if (!(pixelCount > 0 && pixelCount <= found.pixelsPerByte * bytes.length)) {
      throw new TwotempError(
        "data/picture",
        `${where}: the header promises ${found.width} x ${found.height} pixels, not what ${bytes.length} bytes can hold`,
      );
    }
    const allowed = Math.min(largestPixelCount, Math.max(freePixelCount, pixelsPerFileByte * bytes.length));
    if (pixelCount > allowed) {
      throw new TwotempError(
        "data/picture",
        `${where}: ${found.width} x ${found.height} pixels; a file of ${bytes.length} bytes may hold ${allowed}; scale it down first`,
      );
    }
    const [height, width] = this.sides;
    const decoded = await decodePicture(where, bytes, { height, width }, signal);
    if (this.first.picture === undefined) {
      this.first.picture = where;
      this.height = decoded.height;
      this.width = decoded.width;
    } else if (decoded.height !== this.height || decoded.width !== this.width) {
      throw new TwotempError(
        "data/size",
        `${where}: ${decoded.width} x ${decoded.height} pixels, but ${this.first.picture} has ${this.width} x ${this.height}; give size, for example size: 32`,
      );
    }
    this.pixels.push(this.opaque(where, decoded.rgba));
  }

  /** All pictures so far. */
  collect(): PictureBatch {
    const channels = this.options.channels ?? (this.first.coloured === undefined ? 1 : 3);
    if (this.options.channels === undefined && this.first.grey !== undefined && this.first.coloured !== undefined) {
      throw new TwotempError(
        "data/channels",
        `${this.first.grey} is grey, ${this.first.coloured} is coloured; give channels: 1 (grey) or 3 (colour)`,
      );
    }
    const { height, width } = this;
    const plane = height * width;
    const inputs = new Uint8Array(this.pixels.length * plane * channels);
    this.pixels.forEach((rgb, row) => {
      if (channels === 3) inputs.set(rgb, row * plane * 3);
      else for (let i = 0; i < plane; i++) inputs[row * plane + i] = luminance(rgb, 3 * i, true);
    });
    return { inputShape: [height, width, channels], inputs };
  }

  /** The colours of a picture without its transparency. */
  private opaque(where: string, rgba: Uint8Array): Uint8Array {
    const { background } = this.options;
    const rgb = new Uint8Array((rgba.length / 4) * 3);
    let grey = true;
    for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
      const alpha = rgba[from + 3] / 255;
      if (alpha < 1 && background === undefined) {
        throw new TwotempError(
          "data/picture",
          `${where}: partly transparent; give background: 0 for black or 255 for white behind it`,
        );
      }
      for (let channel = 0; channel < 3; channel++) {
        rgb[to + channel] = Math.round(alpha * rgba[from + channel] + (1 - alpha) * (background ?? 0));
      }
      grey &&= rgb[to] === rgb[to + 1] && rgb[to] === rgb[to + 2];
    }
    this.first[grey ? "grey" : "coloured"] ??= where;
    return rgb;
  }
}

/** The size that the header of a PNG, JPEG or BMP states, or undefined if it is none of these. */
export function pictureHeader(bytes: Uint8Array): PictureHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (...magic: number[]): boolean => magic.every((byte, i) => bytes[i] === byte);
  if (bytes.length >= 24 && starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) {
    return { width: view.getUint32(16), height: view.getUint32(20), pixelsPerByte: pngPixelsPerByte };
  }
  if (bytes.length >= 54 && starts(0x42, 0x4d)) {
    const colours = view.getUint32(46, true);
    if (4 * colours > bytes.length) return undefined; // a palette that the file can't hold
    const height = Math.abs(view.getInt32(22, true)); // negative: stored from the top
    return { width: view.getInt32(18, true), height, pixelsPerByte: bmpPixelsPerByte };
  }
  if (starts(0xff, 0xd8)) return jpegHeader(view);
  return undefined;
}

/** Walks the segments of a JPEG to its frame header. */
function jpegHeader(view: DataView): PictureHeader | undefined {
  for (let at = 2; at + 9 <= view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), pixelsPerByte: jpegPixelsPerByte };
    }
    const standalone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += standalone ? 2 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}
