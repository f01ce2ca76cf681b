/** Pictures. They go into an <img>, from memory: what is there runs no script, and asks for nothing from elsewhere. */

import { h } from "../dom.js";

const SVG = "image/svg+xml";
const PICTURES = new Set([
  "image/avif",
  "image/bmp",
  "image/gif",
  "image/jpeg",
  "image/png",
  SVG,
  "image/webp",
  "image/x-icon",
  "image/vnd.microsoft.icon",
]);

/** @param {string} type a media type in lower case */
export const isPicture = (type) => PICTURES.has(type);

/**
 * @param {BlobPart} bytes
 * @param {string} type
 * @param {string} label
 */
export function imageView(bytes, type, label) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const caption = h("figcaption", {}, "Loading…");
  const image = h("img", {
    src: url,
    alt: label,
    onload: () => {
      URL.revokeObjectURL(url);
      const size = `${image.naturalWidth} × ${image.naturalHeight} pixels`;
      caption.textContent = type === SVG ? "Drawn without its scripts, and without what it links to" : size;
    },
    onerror: () => {
      URL.revokeObjectURL(url);
      image.remove();
      caption.textContent = `This is sent as ${type}, but it can't be shown as a picture.`;
    },
  });
  return h("figure.picture", {}, image, caption);
}
