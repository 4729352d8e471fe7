import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Health } from "./health.js";
import { Participants } from "./participants.js";
import { Publisher } from "./publisher.js";
import { sessionFor } from "./session.js";
import { Subscriber } from "./subscriber.js";

const HISTORY_LENGTH = 50;

/**
 * @typedef {object} RoomOptions
 * @property {RTCIceTransportPolicy} [iceTransportPolicy] "relay" to go through TURN only
 * @property {string} [codec] preferred video codec: "VP8" or "H264"
 */

/**
 * One participant's place in a hall: joins, publishes, receives, and comes back by itself.
 *
 * `state` is `idle`, `connecting`, `waiting` (the hall is being started), `live`, `reconnecting` or
 * `closed`. Events: `state` ({state, reason, message}), `participantjoined`, `participantchanged`
 * (a Participant), `participantleft` ({participant, reason}), `speakers` (Map of identity to level),
 * `local` (published sources), `error` ({code, message}).
 */
export class Room extends Emitter {
  state = "idle";
  reason = "";
  /** @type {{id: string, name: string, max_participants: number} | null} */
  hall = null;
  /** @type {{sid: string, identity: string, name: string, role: string} | null} */
  local = null;
  /** What this side publishes, by source; it outlives every peer connection. */
  published = new Map();
  /** How often the media path was built: 1 after joining, more after each loss of a pod. */
  generation = 0;
  /** The last changes of `state`, for a report of what went wrong: [{at, state, reason}],
   * `at` in milliseconds since 1970. */
  history = [];
  #options;
  #people = new Participants((type, detail) => this.emit(type, detail));
  #connection = null;
  #publisher = null;
  #subscriber = null;
  #health = null;
  #iceServers = [];

  /** @param {RoomOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = options;
  }

  /** The others, by identity. */
  get participants() {
    return this.#people.all;
  }

  /** Both peer connections, for statistics and tests; null while there is no media path. */
  get peerConnections() {
    return { publish: this.#publisher?.pc ?? null, subscribe: this.#subscriber?.pc ?? null };
  }

  /**
   * Join the hall. Resolves when live; rejects with a {@link RoomClosedError} when refused.
   *
   * @param {{url: string, token: string, scope?: string, name?: string}} address `url` is the
   *   WebSocket address of the gateway; `scope` tells sessions of several halls in one tab apart
   */
  async connect({ url, token, scope = "default", name }) {
    if (this.state !== "idle") throw new Error("a Room joins once: make a new one to join again");
    this.#enter("connecting");
    const session = await sessionFor(scope);
    const connection = new Connection({ url, token, session, name });
    this.#connection = connection;
    connection.on("ice", (servers) => this.#useServers(servers));
    connection.on("waiting", ({ reason, message }) => this.#waiting(reason, message));
    connection.on("welcome", (message) => this.#welcomed(message));
    connection.on("message", (message) => this.#handle(message));
    connection.on("down", ({ reason, message }) => this.#down(reason, message));
    connection.on("closed", ({ reason, message }) => this.#closed(reason, message));
    const settled = new Promise((resolve, reject) => {
      const off = this.on("state", ({ state, reason, message }) => {
        if (state !== "live" && state !== "closed") return;
        off();
        if (state === "live") resolve();
        else reject(new RoomClosedError(reason, message));
      });
    });
    connection.open();
    return settled;
  }

  /** Send a track. Published again under the same source, it takes the place of the one before. */
  async publish({ source, track, muted = false }) {
    const published = { source, track, muted };
    this.published.set(source, published);
    this.emit("local", this.published);
    if (this.#publisher?.has(source)) await this.#publisher.update(published);
    else await this.#publisher?.publish(published);
  }

  async unpublish(source) {
    this.published.delete(source);
    this.emit("local", this.published);
    await this.#publisher?.unpublish(source);
  }

  leave() {
    if (this.#connection) this.#connection.leave();
    else this.#closed("left", "");
  }

  #enter(state, reason = "", message = "") {
    if (this.state === "closed") return;
    if (this.state !== state || this.reason !== reason) {
      this.history.push({ at: Date.now(), state, reason });
      if (this.history.length > HISTORY_LENGTH) this.history.shift();
    }
    this.state = state;
    this.reason = reason;
    this.emit("state", { state, reason, message });
  }

  #waiting(reason, message) {
    this.#enter(this.generation > 0 ? "reconnecting" : "waiting", reason, message);
  }

  #down(reason, message) {
    this.#enter(this.generation > 0 ? "reconnecting" : "connecting", reason, message);
  }

  #useServers(servers) {
    this.#iceServers = servers;
    for (const pc of Object.values(this.peerConnections)) {
      pc?.setConfiguration({ ...pc.getConfiguration(), iceServers: servers });
    }
  }

  #welcomed({ resumed, hall, you, participants }) {
    this.hall = hall;
    this.local = you;
    const kept = resumed === true && this.#publisher !== null;
    if (kept) {
      this.#publisher.resync();
    } else {
      this.#buildMedia();
    }
    this.#people.replace(participants ?? [], { resumed: kept });
    this.#enter("live");
  }

  #buildMedia() {
    this.#dropMedia();
    this.generation += 1;
    const configuration = {
      iceServers: this.#iceServers,
      iceTransportPolicy: this.#options.iceTransportPolicy ?? "all",
    };
    const send = (message) => this.#connection.send(message);
    this.#publisher = new Publisher({ configuration, send, codec: this.#options.codec });
    this.#subscriber = new Subscriber({
      configuration,
      send,
      onTracks: (tracks) => this.#people.received(tracks),
    });
    this.#health = new Health(Object.values(this.peerConnections), (why) => {
      this.#connection.restart(why);
    });
    this.#health.start();
    for (const published of this.published.values()) {
      this.#publisher.publish(published).catch((error) => this.#failed("publish_failed", error));
    }
  }

  #dropMedia() {
    this.#health?.stop();
    this.#publisher?.close();
    this.#subscriber?.close();
    this.#publisher = this.#subscriber = this.#health = null;
  }

  #handle(message) {
    switch (message.type) {
      case "offer":
        this.#subscriber
          ?.offered(message)
          .catch((error) => this.#negotiationFailed("subscribe", error));
        break;
      case "answer":
        this.#publisher
          ?.answered(message)
          .catch((error) => this.#negotiationFailed("publish", error));
        break;
      case "participant_joined":
        this.#people.joined(message.participant);
        break;
      case "participant_left":
        this.#people.left(message);
        break;
      case "track_published":
        this.#people.published(message);
        break;
      case "track_unpublished":
        this.#people.unpublished(message);
        break;
      case "track_muted":
        this.#people.muted(message);
        break;
      case "speakers":
        this.#speakers(message.speakers ?? []);
        break;
      case "error":
        this.#refused(message);
        break;
      default:
        break; // a newer server may say more than this client knows
    }
  }

  #speakers(list) {
    const bySid = new Map(list.map(({ sid, level }) => [sid, level]));
    this.#people.speakers(bySid);
    const levels = new Map([...this.participants].map(([identity, p]) => [identity, p.level]));
    if (this.local) levels.set(this.local.identity, bySid.get(this.local.sid) ?? 0);
    this.emit("speakers", levels);
  }

  #refused({ code, message, id, pc }) {
    if (pc === "publish") {
      this.#publisher
        ?.refused({ id, code })
        .catch((error) => this.#negotiationFailed("publish", error));
    } else if (pc === "subscribe") {
      this.#negotiationFailed("subscribe", new Error(`${code}: ${message}`));
    }
    this.emit("error", { code, message: message ?? "" });
  }

  #failed(code, error) {
    console.warn(`relay: ${code}`, error);
    this.emit("error", { code, message: String(error?.message ?? error) });
  }

  /** The two sides disagree about the session: only a new one can be trusted. */
  #negotiationFailed(pc, error) {
    this.#failed(`${pc}_negotiation_failed`, error);
    this.#connection.restart("negotiation_failed");
  }

  #closed(reason, message) {
    this.#dropMedia();
    // First: those who are taken off the list now have not left.
    this.#enter("closed", reason, message);
    this.#people.clear();
  }
}

/** The hall would not have us, or ended. `reason` is stable; `message` is the server's sentence. */
export class RoomClosedError extends Error {
  constructor(reason, message) {
    super(message || `the hall was left: ${reason}`);
    this.name = "RoomClosedError";
    this.reason = reason;
  }
}
