const MIN_TILE_WIDTH = 148; // below this a face is no longer one, so the grid scrolls instead
/** Shapes a tile may take, with how much their size is worth: narrower ones cut more of a picture. */
const WIDE_STAGE = [[16 / 9, 1], [4 / 3, 0.88]];
const TALL_STAGE = [[16 / 9, 1], [4 / 3, 0.95], [1, 0.88]];

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
    this.#element.style.setProperty("--tile-width", `${Math.floor(best.tileWidth)}px`);
    this.#element.style.setProperty("--tile-height", `${Math.floor(best.tileHeight)}px`);
    this.#element.toggleAttribute("data-overflow", best.overflow);
    if (best.overflow) this.#element.tabIndex = 0; // what scrolls must be reachable by keyboard
    else this.#element.removeAttribute("tabindex");
  }
}

/**
 * The tile size, in CSS pixels, that shows the most of everybody.
 *
 * @param {{count: number, width: number, height: number, gap: number}} stage
 */
export function bestLayout({ count, width, height, gap }) {
  let best = null;
  for (const [shape, preference] of height > width ? TALL_STAGE : WIDE_STAGE) {
    for (let columns = 1; columns <= count; columns += 1) {
      const rows = Math.ceil(count / columns);
      const room = (height - gap * (rows - 1)) / rows;
      const tileWidth = Math.min((width - gap * (columns - 1)) / columns, room * shape);
      const worth = tileWidth * (tileWidth / shape) * preference;
      if (best === null || worth > best.worth) {
        best = { tileWidth, tileHeight: tileWidth / shape, worth, overflow: false };
      }
    }
  }
  if (best.tileWidth >= MIN_TILE_WIDTH || count <= 2) return best;
  const columns = Math.max(1, Math.floor((width + gap) / (MIN_TILE_WIDTH + gap)));
  const tileWidth = (width - gap * (columns - 1)) / columns;
  return { tileWidth, tileHeight: tileWidth * 0.75, worth: 0, overflow: true };
}
