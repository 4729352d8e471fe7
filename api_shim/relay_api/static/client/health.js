const LOOK_EVERY_MS = 1000;
const CONNECT_LIMIT_MS = 15000; // ICE and DTLS of a new peer connection, with time for a relay
const DISCONNECTED_LIMIT_MS = 5000; // ICE often mends a short loss by itself
const SILENCE_LIMIT_MS = 8000; // no packet and no answer to a consent check (RFC 7675) for so long

/**
 * Watches the media path of one or more peer connections and reports, once, that it is dead.
 *
 * A quiet hall sends no media, so silence alone proves nothing: answers to the browser's own
 * consent checks count as life too.
 */
export class Health {
  #watched;
  #onDead;
  #timer = null;
  #since = new Map();
  #sums = new Map();

  /**
   * @param {RTCPeerConnection[]} watched
   * @param {(why: string) => void} onDead
   */
  constructor(watched, onDead) {
    this.#watched = watched;
    this.#onDead = onDead;
  }

  start() {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look() {
    for (const pc of this.#watched) {
      const why = stateTrouble(pc, this.#stateAge(pc)) ?? (await this.#silence(pc));
      if (this.#timer === null) return;
      if (why) {
        this.stop();
        this.#onDead(why);
        return;
      }
    }
  }

  /** Milliseconds for which the connection has been in the state it is in. */
  #stateAge(pc) {
    const state = pc.iceConnectionState === "new" ? "new" : pc.connectionState;
    const known = this.#since.get(pc);
    if (known?.state === state) return performance.now() - known.at;
    this.#since.set(pc, { state, at: performance.now() });
    return 0;
  }

  async #silence(pc) {
    if (pc.connectionState !== "connected") return null;
    let sum = 0;
    for (const report of (await pc.getStats()).values()) {
      if (report.type !== "candidate-pair") continue;
      sum += (report.bytesReceived ?? 0) + (report.responsesReceived ?? 0);
    }
    const known = this.#sums.get(pc);
    if (known?.sum !== sum) {
      this.#sums.set(pc, { sum, at: performance.now() });
      return null;
    }
    return performance.now() - known.at > SILENCE_LIMIT_MS ? "media_silent" : null;
  }
}

function stateTrouble(pc, age) {
  if (pc.iceConnectionState === "failed" || pc.connectionState === "failed") return "media_failed";
  switch (pc.connectionState) {
    case "connecting":
      return age > CONNECT_LIMIT_MS ? "media_unreachable" : null;
    case "disconnected":
      return age > DISCONNECTED_LIMIT_MS ? "media_lost" : null;
    default:
      return null;
  }
}
