/** Pictures, of raster types only: they go into an <img>, which runs nothing, from memory. */

import { h } from "../dom.js";

const RASTER = new Set([
  "image/avif",
  "image/bmp",
  "image/gif",
  "image/jpeg",
  "image/png",
  "image/webp",
  "image/x-icon",
  "image/vnd.microsoft.icon",
]);

/** @param {string} type a media type in lower case */
export const isPicture = (type) => RASTER.has(type);

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
      caption.textContent = `${image.naturalWidth} × ${image.naturalHeight} pixels`;
    },
    onerror: () => {
      URL.revokeObjectURL(url);
      image.remove();
      caption.textContent = `This is sent as ${type}, but it can't be shown as a picture.`;
    },
  });
  return h("figure.picture", {}, image, caption);
}
