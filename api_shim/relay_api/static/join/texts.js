/** What the page says, in plain words. Every code that can end or refuse a call has its sentence. */

const ENDINGS = {
  left: ["You left the hall", "You can come back as long as the hall is open.", true],
  hall_closed: ["The hall was closed", "It ended for everyone. There is nothing more to do here.", false],
  hall_full: ["The hall is full", "Nobody else can join right now. When somebody leaves, there is room again.", true],
  hall_not_found: ["This hall does not exist", "It may have been removed. Ask the person who invited you for a new link.", false],
  token_expired: ["This link has expired", "Ask the person who invited you for a new one.", false],
  token_invalid: ["This link does not work", "It may be incomplete or out of date. Ask the person who invited you for a new one.", false],
  token_other_hall: ["This link does not fit", "It names one hall and would let you into another. Ask the person who invited you for a new one.", false],
  token_missing: ["This link is incomplete", "The part after the # is missing. Copy the whole link again, or ask for a new one.", false],
  duplicate_identity: ["You joined somewhere else", "This link is now used in another tab or on another device, so this one was disconnected.", true],
  removed: ["You were removed from the hall", "Somebody who runs this hall ended your part in it.", false],
  protocol_error: ["Something went wrong", "This page and the server do not understand each other. Reload the page and try again.", true],
};

/** @returns {{title: string, text: string, again: boolean}} */
export function endingText(reason) {
  const [title, text, again] = ENDINGS[reason] ?? [
    "You are no longer in the hall",
    "The connection ended. You can try to join again.",
    true,
  ];
  return { title, text, again };
}

const WAITING = {
  starting: "The hall is starting. You will be let in as soon as it is ready.",
  waking: "The hall is waking up. You will be let in as soon as it is ready.",
  replacing: "The hall is moving to another server. You will be back in a moment.",
};

const RECONNECTING = {
  pod_lost: "The hall's server went away. Reconnecting…",
  server_shutdown: "The hall is moving to another server. Reconnecting…",
  media_failed: "Your video and sound were interrupted. Reconnecting…",
  media_lost: "Your video and sound were interrupted. Reconnecting…",
  media_silent: "Your video and sound were interrupted. Reconnecting…",
  media_unreachable: "Video and sound cannot get through from your network. Trying again…",
};

/** What the bar and the banner say about the connection. `banner` is empty when all is well. */
export function connectionText({ state, reason, message }) {
  switch (state) {
    case "connecting":
      if (!reason) return { label: "Connecting", banner: "" };
      // What the server says of itself, such as a hall that cannot start, is truer than a guess.
      return {
        label: "Connecting",
        banner: `${message || "The server cannot be reached."} Trying again…`,
      };
    case "waiting":
      return { label: "Waiting", banner: message || WAITING[reason] || WAITING.starting };
    case "reconnecting":
      return {
        label: "Reconnecting",
        banner: RECONNECTING[reason] ?? WAITING[reason] ?? "The connection was lost. Reconnecting…",
      };
    case "live":
      return { label: "Live", banner: "" };
    default:
      return { label: "", banner: "" };
  }
}

const TROUBLES = {
  denied: (device) => `This page may not use your ${device}. You can join without it, or allow it in the browser's address bar.`,
  insecure: (device) => `Browsers only lend the ${device} to secure pages (https). You can join without it.`,
  missing: (device) => `No ${device} was found. You can join without it.`,
  busy: (device) => `Another program is using your ${device}. You can join without it.`,
  unplugged: (device) => `Your ${device} was unplugged.`,
  failed: (device) => `Your ${device} could not be started. You can join without it.`,
};

/** @param {string | null} trouble @param {"camera" | "microphone"} device */
export function troubleText(trouble, device) {
  return trouble ? (TROUBLES[trouble] ?? TROUBLES.failed)(device) : "";
}

const REFUSALS = {
  not_allowed: "You may watch this hall, but not send video or sound.",
  track_limit: "You already send as many tracks as this hall allows.",
};

/** @returns {string} empty where the person need not know */
export function refusalText(code) {
  return REFUSALS[code] ?? "";
}

export function headcountText(count) {
  return count === 1 ? "1 person" : `${count} people`;
}

/** Up to two letters to stand in for a picture. */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const picked = words.length > 1 ? [words[0], words.at(-1)] : words;
  return picked.map((word) => [...word][0]?.toLocaleUpperCase() ?? "").join("") || "?";
}

/** The same hue for the same person every time. */
export function hueOf(identity) {
  let hash = 0;
  for (const character of identity) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}
