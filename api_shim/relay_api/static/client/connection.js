import { backoffDelay, openLimit } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { Message, parseMessage, readEnding } from "./messages.js";

const PING_EVERY_MS = 2000;
const SILENCE_LIMIT_MS = 6000; // three pings without any word back
const STABLE_AFTER_MS = 5000; // a connection that lives this long starts the back-off again

/**
 * The signalling socket, kept alive: joins, pings, notices silence and comes back by itself.
 *
 * Events: `welcome` (message), `message` (any other one), `ice` (servers), `waiting`
 * ({reason, message}), `down` ({reason, message, attempt}) when it will try again, and `closed`
 * ({reason, message}) when it will not.
 */
export class Connection extends Emitter {
  #address;
  #socket = null;
  #timers = new Set();
  #pinger = null;
  #lastHeard = 0;
  #welcomedAt = 0;
  #attempt = 0;
  #error = null;
  #bye = null;
  #ended = false;
  #resume = false;
  #retryNow = () => this.#inBackoff && this.#open();
  #inBackoff = false;

  /** @param {{url: string, token: string, session: string, name?: string}} address */
  constructor(address) {
    super();
    this.#address = address;
  }

  get connected() {
    return this.#welcomedAt > 0;
  }

  open() {
    globalThis.addEventListener?.("online", this.#retryNow);
    this.#open();
  }

  /** @returns {boolean} false where there is no joined socket to send it on */
  send(message) {
    if (!this.connected || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Say goodbye and stay away. */
  leave() {
    this.send(Message.leave());
    this.#finish({ reason: "left", message: "" });
  }

  /** Join from anew on a new socket: the media path is dead although signalling is not. */
  restart(reason) {
    this.#resume = false;
    this.#lost({ retry: true, slow: false, reason, message: "" });
  }

  #open() {
    if (this.#ended) return;
    this.#reset();
    const { url, token, session, name } = this.#address;
    const target = new URL(url);
    target.searchParams.set("token", token);
    target.searchParams.set("session", session);
    if (name) target.searchParams.set("name", name);
    const socket = new WebSocket(target);
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify(Message.join({ session, resume: this.#resume })));
    };
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => {
      this.#lost(readEnding({ code: event.code, error: this.#error, bye: this.#bye }));
    };
    this.#expectWord();
  }

  #heard(data) {
    this.#lastHeard = performance.now();
    const message = parseMessage(data);
    if (message === null) return;
    if (!this.connected) this.#expectWord();
    switch (message.type) {
      case "pong":
        return;
      case "waiting":
        this.emit("waiting", { reason: message.reason, message: message.message ?? "" });
        return;
      case "ice":
        this.emit("ice", Array.isArray(message.servers) ? message.servers : []);
        return;
      case "welcome":
        this.#welcomed(message);
        return;
      case "error":
        this.#error = { code: message.code, message: message.message ?? "" };
        break;
      case "bye":
        this.#bye = { reason: message.reason, reconnect: message.reconnect !== false };
        if (!this.#bye.reconnect) {
          this.#lost(readEnding({ code: 1000, error: null, bye: this.#bye }));
          return;
        }
        break;
      default:
        break;
    }
    this.emit("message", message);
  }

  #welcomed(message) {
    this.#clearTimers();
    this.#welcomedAt = performance.now();
    this.#error = null;
    this.#resume = true;
    this.#pinger = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.emit("welcome", message);
  }

  #ping() {
    if (performance.now() - this.#lastHeard > SILENCE_LIMIT_MS) {
      this.#lost({ retry: true, slow: false, reason: "signal_lost", message: "" });
      return;
    }
    if (performance.now() - this.#welcomedAt > STABLE_AFTER_MS) this.#attempt = 0;
    this.send(Message.ping(Math.round(performance.now())));
  }

  #expectWord() {
    this.#clearTimers();
    this.#after(openLimit(Math.max(0, this.#attempt - 1)), () => {
      this.#lost({ retry: true, slow: false, reason: "signal_lost", message: "" });
    });
  }

  #lost(ending) {
    if (this.#ended) return;
    if (!ending.retry) {
      this.#finish(ending);
      return;
    }
    this.#reset();
    const attempt = this.#attempt++;
    this.emit("down", { reason: ending.reason, message: ending.message, attempt });
    if (this.#ended) return;
    this.#inBackoff = true;
    this.#after(backoffDelay(attempt, { slow: ending.slow }), () => this.#open());
  }

  #finish({ reason, message }) {
    if (this.#ended) return;
    this.#ended = true;
    globalThis.removeEventListener?.("online", this.#retryNow);
    this.#reset();
    this.emit("closed", { reason, message });
  }

  /** Let go of the socket without waiting for its closing handshake: it may be a dead one. */
  #reset() {
    this.#clearTimers();
    clearInterval(this.#pinger);
    this.#inBackoff = false;
    this.#welcomedAt = 0;
    this.#error = null;
    this.#bye = null;
    if (this.#socket === null) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
    this.#socket = null;
  }

  #after(delay, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delay);
    this.#timers.add(timer);
  }

  #clearTimers() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
