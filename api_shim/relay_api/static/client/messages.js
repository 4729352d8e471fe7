/**
 * Signalling protocol v1: the words on the wire, and what each ending means for the client.
 * The protocol itself is described in docs/protocol.md.
 */
export const PROTOCOL_VERSION = 1;

/** Close codes of the gateway after which another try would only be refused again. */
const FINAL_CLOSE_CODES = new Map([
  [4001, "token_invalid"],
  [4003, "hall_full"],
  [4004, "hall_not_found"],
  [4005, "hall_closed"],
  [4009, "protocol_error"],
  [4011, "duplicate_identity"],
  [4012, "removed"],
]);

/** Close codes that ask the client to stay away for a moment before it tries again. */
const SLOW_CLOSE_CODES = new Set([4008, 4029]);

/** Error codes that say more than the close code they come with. */
const SPOKEN_ERRORS = new Set([
  "token_expired",
  "token_invalid",
  "hall_full",
  "hall_closed",
  "hall_not_found",
  "removed",
]);

export const Message = Object.freeze({
  join: ({ session, resume }) => ({ type: "join", v: PROTOCOL_VERSION, session, resume }),
  offer: ({ id, sdp, tracks }) => ({ type: "offer", pc: "publish", id, sdp, tracks }),
  answer: ({ id, sdp }) => ({ type: "answer", pc: "subscribe", id, sdp }),
  mute: ({ track, muted }) => ({ type: "mute", track, muted }),
  leave: () => ({ type: "leave" }),
  ping: (t) => ({ type: "ping", t }),
});

/**
 * One text frame as a message, or null where it is not one. Never throws: what a server of
 * another version sends must not end the call.
 *
 * @param {unknown} data
 * @returns {{type: string} & Record<string, any> | null}
 */
export function parseMessage(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/**
 * What to do now that the socket is gone.
 *
 * @param {object} ending
 * @param {number} ending.code WebSocket close code; 1006 where the network ended it
 * @param {{code: string, message: string} | null} ending.error last `error` before the close
 * @param {{reason: string, reconnect: boolean} | null} ending.bye last `bye` before the close
 * @returns {{retry: boolean, slow: boolean, reason: string, message: string}}
 */
export function readEnding({ code, error, bye }) {
  const message = error?.message ?? "";
  if (bye && bye.reconnect === false) {
    return { retry: false, slow: false, reason: bye.reason ?? "removed", message };
  }
  const final = FINAL_CLOSE_CODES.get(code);
  if (final !== undefined) {
    const reason = SPOKEN_ERRORS.has(error?.code) ? error.code : final;
    return { retry: false, slow: false, reason, message };
  }
  const reason = error?.code ?? bye?.reason ?? (code === 4010 ? "pod_lost" : "signal_lost");
  return { retry: true, slow: SLOW_CLOSE_CODES.has(code), reason, message };
}
