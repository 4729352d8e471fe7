/**
 * The session id: 32 hexadecimal digits that stay the same for one tab, so that a reload takes the
 * same place in the hall again.
 *
 * A browser copies sessionStorage into a duplicated tab. Two tabs with one session would push each
 * other out for ever, so the id is held under a lock and the copy gets an id of its own.
 *
 * @param {string} scope one id is kept for each scope, for example the hall's id
 * @returns {Promise<string>}
 */
export async function sessionFor(scope) {
  const key = `relay.session.${scope}`;
  const kept = readKept(key);
  if (kept && (await holdLock(`relay.session.${kept}`))) return kept;
  const fresh = newSession();
  await holdLock(`relay.session.${fresh}`);
  keep(key, fresh);
  return fresh;
}

export function newSession() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const held = new Set();

/** Take a lock that lasts as long as the page does; false where another tab has it. */
function holdLock(name) {
  if (held.has(name) || !navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock) held.add(name);
      resolve(lock !== null);
      return lock ? new Promise(() => {}) : undefined;
    });
  });
}

function readKept(key) {
  try {
    const kept = sessionStorage.getItem(key);
    return kept && /^[0-9a-f]{32}$/.test(kept) ? kept : null;
  } catch {
    return null; // storage is blocked: the session lives as long as the page
  }
}

function keep(key, session) {
  try {
    sessionStorage.setItem(key, session);
  } catch {
    console.info("relay: storage is blocked; a reload will count as a new participant");
  }
}
