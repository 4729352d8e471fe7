/**
 * How long to wait before the next try, in milliseconds.
 *
 * The first try comes almost at once, because most losses are a server that was replaced. Every
 * delay is spread at random, so that a whole hall does not knock at the same moment.
 *
 * @param {number} attempt 0 for the first try after a loss
 * @param {object} [options]
 * @param {boolean} [options.slow] the server asked for patience
 * @param {() => number} [options.random] 0..1
 */
export function backoffDelay(attempt, { slow = false, random = Math.random } = {}) {
  if (slow) return 3000 + random() * 4000;
  if (attempt === 0) return 50 + random() * 200;
  const ceiling = Math.min(5000, 400 * 2 ** (attempt - 1));
  return ceiling / 2 + (random() * ceiling) / 2;
}

/**
 * How long a try may take to open the socket, and each silence before `welcome`, in milliseconds.
 *
 * The first two are given up soon: a gateway whose node was lost answers nothing, and the next try
 * may meet another one. Later ones are patient, for a network that is slow and not broken.
 *
 * @param {number} attempt 0 for the first try after a loss
 */
export function openLimit(attempt) {
  return Math.min(12_000, 4000 * (1 + Math.floor(attempt / 2)));
}
