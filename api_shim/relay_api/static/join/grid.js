const MIN_TILE_WIDTH = 148; // below this a face is no longer one, so the grid scrolls instead
const SHAPES = [16 / 9, 4 / 3, 1]; // tried in this order; narrower ones where they use space better

/** Lays tiles out as large as the stage allows, for one person as for twenty. */
export class Grid {
  #element;
  #observer;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.#observer = new ResizeObserver(() => this.arrange());
    this.#observer.observe(element);
  }

  add(tile) {
    this.#element.append(tile.element);
    this.arrange();
  }

  remove(tile) {
    tile.remove();
    this.arrange();
  }

  arrange() {
    const count = this.#element.childElementCount;
    const width = this.#element.clientWidth;
    const height = this.#element.clientHeight;
    if (count === 0 || width === 0 || height === 0) return;
    const gap = Number.parseFloat(getComputedStyle(this.#element).columnGap) || 0;
    const best = bestLayout({ count, width, height, gap });
    this.#element.style.setProperty("--columns", String(best.columns));
    this.#element.style.setProperty("--tile-width", `${Math.floor(best.tileWidth)}px`);
    this.#element.style.setProperty("--tile-height", `${Math.floor(best.tileHeight)}px`);
    this.#element.toggleAttribute("data-overflow", best.overflow);
  }
}

/**
 * The columns and tile size, in CSS pixels, that show the most of everybody.
 *
 * @param {{count: number, width: number, height: number, gap: number}} stage
 */
export function bestLayout({ count, width, height, gap }) {
  let best = null;
  for (const [preference, shape] of SHAPES.entries()) {
    for (let columns = 1; columns <= count; columns += 1) {
      const rows = Math.ceil(count / columns);
      const room = (height - gap * (rows - 1)) / rows;
      const tileWidth = Math.min((width - gap * (columns - 1)) / columns, room * shape);
      const worth = tileWidth * (tileWidth / shape) * (1 - preference * 0.12);
      if (best === null || worth > best.worth) {
        best = { columns, tileWidth, tileHeight: tileWidth / shape, worth, overflow: false };
      }
    }
  }
  if (best.tileWidth >= MIN_TILE_WIDTH || count <= 2) return best;
  const columns = Math.max(1, Math.floor((width + gap) / (MIN_TILE_WIDTH + gap)));
  const tileWidth = (width - gap * (columns - 1)) / columns;
  return { columns, tileWidth, tileHeight: tileWidth * 0.75, worth: 0, overflow: true };
}
